"""`reversion index`: how far the services' histories are known, brought up to date or made anew."""

import click

from reversion.commands.printing import note, print_json, print_table
from reversion.operations.indexing import bring_up_to_date
from reversion.operations.workspace import open_workspace


@click.command("index")
@click.option("--rebuild", is_flag=True, help="Forget what is kept of the histories, and read them from nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def index_command(product: str, rebuild: bool, as_json: bool, offline: bool) -> int:
    """Read what is new in every service's history, so that the next question about features is answered at once.

    Every command that asks about features does this by itself. Exits with 1 when a repository could not be read.
    """
    workspace = open_workspace(product, refresh=not offline)
    if not as_json:
        note("Reading the services' histories ...")
    services = bring_up_to_date(workspace, rebuild=rebuild, refresh=not offline)
    if as_json:
        print_json(services)
    else:
        print_table(
            ("Service", "Commits", "New", "Versions", "Features", "Problem"),
            ((s.service, *map(str, (s.commits, s.new, s.versions, s.features)), s.problem) for s in services),
        )
    return 1 if any(service.problem for service in services) else 0
