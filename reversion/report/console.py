"""The console: which features are where, and what the last reversion did to them."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from reversion.features.listing import Row
from reversion.features.values import Feature, State
from reversion.report.pages import Listing, Page, paged
from reversion.report.tables import linked, parts, table
from reversion.text import Value, counted, markdown

_THERE = (State.COMPLETE, State.PARTIAL)
_SHOWN = (State.UNKNOWN, State.PARTIAL, State.WITHDRAWN, State.COMPLETE)
"""In this order: what needs an eye first."""
_MARK = Literal["", "lost", "in part", "regained"]


class Reversal(Value):
    """The last reversion that changed an environment: its run, when, where to, what it did to features."""

    run: str
    at: str
    snapshot: str
    lost: tuple[str, ...] = ()
    made_partial: tuple[str, ...] = ()
    regained: tuple[str, ...] = ()

    def mark(self, feature: Feature) -> _MARK:
        """Say what it did to the feature, as far as that still holds."""
        if feature.id in self.lost and feature.state not in _THERE:
            return "lost"
        if feature.id in self.made_partial and feature.state is State.PARTIAL:
            return "in part"
        return "regained" if feature.id in self.regained and feature.state in _THERE else ""


class Column(Value):
    """One environment of the board; `seen` is when it was last looked at, empty where it never was."""

    environment: str
    seen: str = ""
    last: Reversal | None = None


def environment_key(product: str, environment: str) -> str:
    return f"features-{product}-{environment}"


def board_key(product: str) -> str:
    return f"board-{product}"


def environment_pages(product: str, column: Column, features: Sequence[Feature]) -> tuple[Page, ...]:
    """Write the features that one environment has, on as many pages as needed; what was reverted last comes first."""
    marked = [(feature, _mark(column, feature)) for feature in features]
    first = [pair for pair in marked if pair[1]]
    rest = [pair for state in _SHOWN for pair in marked if not pair[1] and pair[0].state is state]
    counts = Counter(feature.state for feature in features)
    absent = sum(feature.state is State.ABSENT and not mark for feature, mark in marked)
    top = [
        f"## {column.environment}: features of {product}",
        "",
        f"As observed {column.seen}. All environments side by side: `{board_key(product)}`.",
        "",
        *table(tuple(state.value.capitalize() for state in State), [tuple(str(counts[state]) for state in State)]),
        *_last_lines(column.last, dict(Counter(mark for _, mark in first))),
    ]
    if absent:
        top += [
            f"{counted(absent, 'feature that is', 'features that are')} not in this environment yet left out here: "
            f"'reversion features {column.environment} --state absent' lists them.",
            "",
        ]
    heads = ("Feature", "Kind", "State", "Services (have/need)", "Last reversion")
    rows = tuple((linked(f), f.kind, f.told, parts(f.parts), mark) for f, mark in (*first, *rest))
    description = f"{column.environment}: {counts[State.COMPLETE]} features complete, {counts[State.PARTIAL]} in part"
    listing = Listing(what="features", heads=heads, rows=rows)
    return paged(environment_key(product, column.environment), top, listing, description)


def board_pages(product: str, columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Page, ...]:
    """Write every feature against every environment: those that differ first, on as many pages as needed."""
    somewhere = [row for row in rows if any(_is_told(column, cell) for column, cell in _cells(columns, row))]
    ordered = sorted(somewhere, key=lambda row: not row.is_differing)
    differing = sum(row.is_differing for row in somewhere)
    top = [
        f"## Features of {product}, by environment",
        "",
        *table(
            ("Environment", "As observed", *(state.value.capitalize() for state in State), "Last reversion"),
            (_environment_row(columns, rows, number) for number in range(len(columns))),
            raw=len(State) + 3,
        ),
        f"{counted(differing, 'feature differs', 'features differ')} between environments and "
        f"{'comes' if differing == 1 else 'come'} first; {len(ordered) - differing} are the same everywhere. "
        "'reversion board --differing' lists the first.",
        "",
    ]
    if nowhere := len(rows) - len(somewhere):
        top += [
            f"{counted(nowhere, 'feature that is', 'features that are')} in no environment yet left out here: "
            "'reversion board' lists them too.",
            "",
        ]
    listing = Listing(
        what="features",
        heads=("Feature", *(column.environment for column in columns)),
        rows=tuple((linked(row.feature), *(_cell(*each) for each in _cells(columns, row))) for row in ordered),
    )
    description = f"{counted(differing, 'feature differs', 'features differ')} between environments"
    return paged(board_key(product), top, listing, description)


def standing(feature: Feature) -> str:
    """Tell a state; what is there in part with its items: `partial 3/5`."""
    have, need = (sum(getattr(part, name) for part in feature.parts) for name in ("have", "need"))
    items = f" {have}/{need}" if feature.state is State.PARTIAL else ""
    return feature.state.value + items + (" (check)" if feature.check else "")


def _last_lines(last: Reversal | None, marks: dict[str, int]) -> list[str]:
    if last is None:
        return []
    still = ", ".join(f"{marks[mark]} {mark}" for mark in ("lost", "in part", "regained") if mark in marks)
    done = f"{len(last.lost)} lost, {len(last.made_partial)} in part, {len(last.regained)} regained"
    return [
        f"**Last reversion:** {_run(last)} to {markdown(last.snapshot)}: {done}. "
        f"Of these still so: {still or 'none'}; they are marked and come first.",
        "",
    ]


def _run(last: Reversal) -> str:
    """Link the run's page; the path is right for every address that the server is reached at."""
    return f"[{markdown(last.at)}](/runs/flow-run/{last.run})"


def _environment_row(columns: Sequence[Column], rows: Sequence[Row], number: int) -> tuple[str, ...]:
    column = columns[number]
    counts = Counter(cell.state for row in rows if (cell := row.cells[number]))
    seen = column.seen or "never looked at"
    states = tuple(str(counts[state]) if column.seen else "?" for state in State)
    return column.environment, seen, *states, _run(column.last) if column.last else ""


def _cells(columns: Sequence[Column], row: Row) -> list[tuple[Column, Feature | None]]:
    return list(zip(columns, row.cells, strict=True))


def _is_told(column: Column, cell: Feature | None) -> bool:
    return cell is not None and (cell.state is not State.ABSENT or bool(_mark(column, cell)))


def _cell(column: Column, cell: Feature | None) -> str:
    if cell is None:
        return "never looked at"
    mark = _mark(column, cell)
    return standing(cell) + (f", {mark}" if mark else "")


def _mark(column: Column, feature: Feature) -> _MARK:
    return column.last.mark(feature) if column.last else ""
