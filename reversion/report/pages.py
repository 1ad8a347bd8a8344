"""Long lists parted into pages that a browser shows at once, and that say where the rest is."""

from collections.abc import Sequence

from reversion.report.tables import table
from reversion.text import Value

PAGE_ROWS = 500
"""Rows on a page. Prefect's pages draw 500 rows in under two seconds, 2,000 in four, 5,000 in seven."""


class Page(Value):
    """One page: the key that it is kept under, its text as Markdown, and a line about it."""

    key: str
    text: str
    description: str


class Listing(Value):
    """A table of any length: `what` its rows are (`features`), and rows whose first `raw` cells are Markdown."""

    what: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    raw: int = 1


def paged(
    key: str, top: Sequence[str], listing: Listing, description: str, *, size: int = PAGE_ROWS
) -> tuple[Page, ...]:
    """Part a table into pages, the first below the lines of `top`, each saying which part it is of how much."""
    total = len(listing.rows)
    starts = range(0, total, size) if total else range(1)
    keys = tuple(key_of(key, number) for number, _ in enumerate(starts, 1))
    return tuple(
        Page(
            key=keys[number],
            text="\n".join((*(top if number == 0 else _above(top)), *_part(listing, start, size, keys))),
            description=description if len(keys) == 1 else f"{description}, page {number + 1} of {len(keys)}",
        )
        for number, start in enumerate(starts)
    )


def key_of(key: str, number: int) -> str:
    """Return the key of a page; the first one has the plain key."""
    return key if number == 1 else f"{key}-page-{number}"


def outdated(key: str, first: str) -> Page:
    """Return what stands in for a page that there is no more use for."""
    return Page(key=key, text=f"There is less to show by now: see `{first}`.", description=f"Empty: see {first}")


def _above(top: Sequence[str]) -> tuple[str, ...]:
    """Repeat the heading and what follows it, as far as the first blank line after it."""
    return (*top[:1], "")


def _part(listing: Listing, start: int, size: int, keys: tuple[str, ...]) -> list[str]:
    if not listing.rows:
        return []
    shown = listing.rows[start : start + size]
    lines = table(listing.heads, shown, raw=listing.raw)
    if len(keys) == 1:
        return lines
    here = start // size
    others = ", ".join(f"`{key}`" for number, key in enumerate(keys) if number != here)
    told = f"{listing.what.capitalize()} {start + 1} to {start + len(shown)} of {len(listing.rows)}"
    return [f"{told}; the others are in {others}.", "", *lines]
