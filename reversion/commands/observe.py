"""`reversion observe`: which version of each service runs on each host."""

import click

from reversion.commands.printing import print_json, print_table
from reversion.operations.observing import observe
from reversion.operations.workspace import open_workspace


@click.command("observe")
@click.argument("environment")
@click.option("--json", "as_json", is_flag=True, help="Print the observation as JSON.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def observe_command(product: str, environment: str, as_json: bool, offline: bool) -> int:
    """Observe ENVIRONMENT. Exits with 1 when a service could not be read or its instances disagree."""
    workspace = open_workspace(product, refresh=not offline)
    observation = observe(workspace, workspace.product.environment(environment))
    if as_json:
        print_json({"fingerprint": observation.fingerprint(), "observation": observation})
    else:
        rows = ((i.service, i.host, i.version or "unknown", i.problem) for i in observation.instances)
        print_table(("Service", "Host", "Version", "Problem"), rows, title=f"{environment} runs")
        for service in observation.services():
            running = observation.running(service)
            if len(running.versions) > 1:
                print(f"{service}: {running.problem}")
    return 0 if observation.is_complete() else 1
