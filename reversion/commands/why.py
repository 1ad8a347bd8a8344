"""`reversion why`: the commits that decide a feature's state."""

import click

from reversion import report
from reversion.commands.printing import note, print_json, print_markdown
from reversion.operations.explaining import explain
from reversion.operations.workspace import open_workspace


@click.command("why")
@click.argument("feature")
@click.argument("where", metavar="[ENV|TAG|REF]", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def why_command(product: str, feature: str, where: str, as_json: bool, offline: bool) -> None:
    """Explain why FEATURE is in its state: by service what it has, the commits, reverts and picks that decide it, and
    the version in which each came first.

    It is looked at in an environment as it runs now, at a snapshot (a tag, the last part of one, or
    ENVIRONMENT/latest-verified), or at another commit, tag or branch of the product; without any of these on the
    services' tracked branches.
    """
    workspace = open_workspace(product, refresh=not offline)
    if where in workspace.product.environments and not as_json:
        note(f"Observing {where} and reading the services' histories ...")
    told = explain(workspace, feature, where, refresh=not offline)
    if as_json:
        print_json(told)
    else:
        print_markdown(report.explanation(told))
