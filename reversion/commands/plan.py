"""`reversion plan`: the review that the approval form shows, without a server and without changing anything."""

import click

from reversion import report
from reversion.commands.printing import note, print_json, print_markdown
from reversion.operations import reviewing
from reversion.operations.finding import find_nearer
from reversion.operations.workspace import open_workspace


@click.command("plan")
@click.argument("environment")
@click.argument("snapshot", metavar="[TAG]", default="latest-verified")
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan and its digest.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def plan_command(product: str, environment: str, snapshot: str, as_json: bool, offline: bool) -> None:
    """Review what taking ENVIRONMENT back to the snapshot TAG would do. Changes nothing."""
    workspace = open_workspace(product, refresh=not offline)
    workspace.product.environment(environment)
    if not as_json:
        note(f"Observing {environment} and reading the services' histories ...")
    plan = reviewing.review(workspace, environment, snapshot, refresh=not offline)
    hint = find_nearer(workspace, plan)
    if as_json:
        print_json({"digest": plan.digest, "plan": plan, "nearer": hint})
        return
    print_markdown(report.review(plan, hint=hint))
    note(f"Nothing was changed. To go ahead: reversion revert {environment} {plan.snapshot}")
