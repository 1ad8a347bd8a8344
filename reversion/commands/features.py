"""`reversion features` and `reversion board`: what is where, told in features."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reversion import report
from reversion.commands.printing import note, print_json, print_table
from reversion.features.listing import Row, Wanted, board, chosen
from reversion.features.values import Feature, State
from reversion.operations import judging, referring
from reversion.operations.observing import observe, observe_all
from reversion.operations.workspace import Workspace, open_workspace
from reversion.text import counted

FC = TypeVar("FC", bound=Callable[..., Any])
_KINDS = ("feature", "fix", "security")
_STATES = tuple(state.value for state in State)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, with everything that is known.")
_offline = click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")


def _filters(command: FC) -> FC:
    """Add the options that choose features; they arrive as keywords for `Wanted`."""
    for option in (
        click.option(
            "--search", "text", default="", metavar="TEXT", help="Only those with TEXT in id, title or owner."
        ),
        click.option("--service", "services", multiple=True, metavar="NAME", help="Only features of this service."),
        click.option("--owner", "owners", multiple=True, metavar="NAME", help="Only features of this owner."),
        click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only features of this kind."),
        click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only in this state."),
    ):
        command = option(command)
    return command


@click.command("features")
@click.argument("environment", required=False)
@click.option("--at", "reference", metavar="REF", help="Judge a commit, tag, branch or snapshot of the product.")
@_filters
@_json
@_offline
@click.pass_obj
def features_command(
    product: str, /, environment: str | None, reference: str | None, as_json: bool, offline: bool, **wanted: Any
) -> None:
    """Show the features that ENVIRONMENT has, judged from what runs there now, or that the product had at REF.

    An option given several times asks for any of its values.
    """
    workspace = open_workspace(product, refresh=not offline)
    _demand_known(workspace, wanted["services"])
    found = _judged(workspace, environment, reference, refresh=not offline)
    shown = [feature for feature in found if Wanted(**wanted).fits(feature)]
    if as_json:
        print_json(shown)
        return
    rows = ((f.id, f.title, f.kind, f.owner, f.told, report.parts(f.parts)) for f in shown)
    print_table(
        ("Feature", "Title", "Kind", "Owner", "State", "Services (have/need)"),
        rows,
        title="Features of " + " at ".join(filter(None, (environment, reference))),
    )
    _tell_left_out(len(found) - len(shown), "feature")


def _judged(
    workspace: Workspace, environment: str | None, reference: str | None, *, refresh: bool
) -> tuple[Feature, ...]:
    if reference is not None:
        judged = referring.features_at(workspace, reference, environment or "", refresh=refresh)
        for line in judged.notes:
            note(line)
        return judged.features
    if environment is None:
        known = ", ".join(workspace.product.environments)
        raise click.UsageError(f"Name an environment ({known}), or what to look at with --at REF.")
    observation = observe(workspace, workspace.product.environment(environment))
    return judging.features_of(workspace, observation, refresh=refresh, say=note)


@click.command("board")
@click.option("--differing", is_flag=True, help="Only features that are not the same in all environments.")
@_filters
@_json
@_offline
@click.pass_obj
def board_command(product: str, /, differing: bool, as_json: bool, offline: bool, **wanted: Any) -> None:
    """Show every feature against every environment, judged from what runs now.

    A feature is shown where it fits in any environment. An option given several times asks for any of its values.
    """
    workspace = open_workspace(product, refresh=not offline)
    _demand_known(workspace, wanted["services"])
    environments = tuple(workspace.product.environments)
    judged = judging.features_of_all(workspace, observe_all(workspace), refresh=not offline, say=note)
    rows = board(dict(zip(environments, judged, strict=True)))
    shown = chosen(rows, Wanted(**wanted), differing=differing)
    if as_json:
        print_json([_document(environments, row) for row in shown])
        return
    print_table(
        ("Feature", "Title", *environments),
        ((row.feature.id, row.feature.title, *map(_cell, row.cells)) for row in shown),
    )
    _tell_left_out(len(rows) - len(shown), "row")


def _demand_known(workspace: Workspace, services: tuple[str, ...]) -> None:
    for name in services:
        workspace.product.service(name)


def _tell_left_out(count: int, what: str) -> None:
    if count:
        note(f"{counted(count, what)} left out, as asked.")


def _cell(feature: Feature | None) -> str:
    """Tell a state; what is there in part with its items: `partial 3/5`."""
    if feature is None:
        return State.UNKNOWN.value
    have, need = (sum(getattr(part, name) for part in feature.parts) for name in ("have", "need"))
    items = f" {have}/{need}" if feature.state is State.PARTIAL else ""
    return feature.state.value + items + (" (check)" if feature.check else "")


def _document(environments: tuple[str, ...], row: Row) -> dict[str, object]:
    of_environment = {"state", "parts", "ambiguous", "check"}
    described = row.feature.model_dump(mode="json", exclude=of_environment)
    cells = zip(environments, row.cells, strict=True)
    judged = {name: cell.model_dump(mode="json", include=of_environment) for name, cell in cells if cell}
    return described | {"differing": row.is_differing, "environments": judged}
