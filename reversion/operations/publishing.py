"""Write the console's pages: one environment that was just looked at, and the board of all as last seen."""

from collections.abc import Mapping
from datetime import UTC, datetime

from reversion.adapters import tags
from reversion.adapters.catalogue import open_catalogue
from reversion.candidates import Now, distance
from reversion.errors import ReversionError
from reversion.features.listing import board
from reversion.features.values import Feature
from reversion.operations.workspace import Workspace
from reversion.report import Column, Page, Reversal, board_pages, environment_pages
from reversion.snapshot import SnapshotFeature
from reversion.text import Value


class Ended(Value):
    """A reversion that changed something: its run, when it ended, its snapshot and the one taken just before it."""

    run: str
    at: datetime
    snapshot: str
    safety_snapshot: str


def console_pages(
    workspace: Workspace, environment: str, features: tuple[Feature, ...], last: Mapping[str, Ended]
) -> tuple[Page, ...]:
    """Write the environment's pages and the board's. Other environments are told as the catalogue last saw them.

    `last` has, by environment, the last reversion that changed it.
    """
    now = datetime.now(UTC)
    judged: dict[str, tuple[Feature, ...] | None] = {}
    columns = []
    catalogue = open_catalogue(workspace.home)
    for name in workspace.product.environments:
        seen = now if name == environment else catalogue.judged_at(name)
        judged[name] = features if name == environment else catalogue.latest_features(name) if seen else None
        reversal = _reversal(workspace, name, last[name]) if name in last else None
        columns.append(Column(environment=name, seen=_minute(seen) if seen else "", last=reversal))
    mine = next(column for column in columns if column.environment == environment)
    product = workspace.product.product
    return (
        *environment_pages(product, mine, features),
        *board_pages(product, columns, board(judged, newest=environment)),
    )


def _reversal(workspace: Workspace, environment: str, ended: Ended) -> Reversal | None:
    """Tell what a reversion did by the two snapshots' records; None where one of them can't be read any more."""
    try:
        before, after = (
            tags.read(workspace.repository, tag, environment) for tag in (ended.safety_snapshot, ended.snapshot)
        )
    except ReversionError:
        return None
    now = Now(features=tuple(_feature(name, one) for name, one in before.snapshot.features.items()))
    found = distance(now, after)
    return Reversal(
        run=ended.run,
        at=_minute(ended.at),
        snapshot=ended.snapshot,
        lost=found.lost,
        made_partial=found.made_partial,
        regained=found.regained + found.resurrected,
    )


def _feature(name: str, recorded: SnapshotFeature) -> Feature:
    return Feature(id=name, title=recorded.title, kind=recorded.kind, state=recorded.state, parts=recorded.parts)


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
