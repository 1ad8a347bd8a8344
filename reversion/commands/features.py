"""`reversion features` and `reversion board`: what is where, told in features."""

import click

from reversion import report
from reversion.commands.printing import print_json, print_table
from reversion.features.values import Feature, State
from reversion.operations import judging
from reversion.operations.observing import observe, observe_all
from reversion.operations.workspace import open_workspace

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_offline = click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")


@click.command("features")
@click.argument("environment")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only features in this state.")
@click.option("--kind", type=click.Choice(["feature", "fix", "security"]), help="Only features of this kind.")
@_json
@_offline
@click.pass_obj
def features_command(
    product: str, environment: str, state: str | None, kind: str | None, as_json: bool, offline: bool
) -> None:
    """Show the features that ENVIRONMENT has, judged from what runs there now."""
    workspace = open_workspace(product, refresh=not offline)
    observation = observe(workspace, workspace.product.environment(environment))
    found = judging.features_of(workspace, observation, refresh=not offline)
    shown = [f for f in found if (not state or f.state == state) and (not kind or f.kind == kind)]
    if as_json:
        print_json(shown)
        return
    rows = (
        (
            f.id,
            f.title,
            f.kind,
            f.state.value + (" (ambiguous)" if f.ambiguous else ""),
            report.parts(f.parts),
        )
        for f in shown
    )
    print_table(
        ("Feature", "Title", "Kind", "State", "Services (have/need)"),
        rows,
        title=f"Features of {environment}",
    )


@click.command("board")
@_json
@_offline
@click.pass_obj
def board_command(product: str, as_json: bool, offline: bool) -> None:
    """Show every feature against every environment, judged from what runs now."""
    workspace = open_workspace(product, refresh=not offline)
    environments = tuple(workspace.product.environments)
    judged = judging.features_of_all(workspace, observe_all(workspace), refresh=not offline)
    board: dict[str, dict[str, Feature]] = {}
    for name, features in zip(environments, judged, strict=True):
        for feature in features:
            board.setdefault(feature.id, {})[name] = feature
    if as_json:
        print_json({key: {name: f.state.value for name, f in row.items()} for key, row in board.items()})
        return
    rows = (
        (
            key,
            next(iter(row.values())).title,
            *(row[name].state.value if name in row else "absent" for name in environments),
        )
        for key, row in sorted(board.items())
    )
    print_table(("Feature", "Title", *environments), rows)
