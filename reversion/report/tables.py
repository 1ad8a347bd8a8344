"""What all pages share: Markdown tables, and how a feature is named in a cell."""

from collections.abc import Iterable

from reversion.features.values import Direction, Feature, Part
from reversion.text import counted, markdown

ROWS = 200
"""How many rows a list shows in a terminal; what is left out is counted in words."""


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, raw: int = 0) -> list[str]:
    """Lay out a Markdown table; the first `raw` cells of each row are Markdown already."""
    lines = [" | ".join(row[:raw] + tuple(markdown(cell, 300) for cell in row[raw:])) for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *(f"| {line} |" for line in lines), ""]


def linked(feature: Feature) -> str:
    """Name a feature, with a link where its address can't break out of the link."""
    name = (
        f"{markdown(feature.id)} {markdown(feature.title)}" if feature.title != feature.id else markdown(feature.id)
    )
    safe = feature.url.startswith(("https://", "http://")) and not set(feature.url) & set("()<>\"' \\|")
    return f"[{name}]({feature.url})" if safe else name


def named(feature: Feature) -> str:
    return linked(feature) + (f" ({', '.join(feature.remarks)})" if feature.remarks else "")


def way(direction: Direction, leaving: int, gaining: int) -> str:
    """Write where a service goes: `back 3 commits`, `diverged: 1 commit leaves, 2 come`."""
    if direction == "diverged":
        return f"diverged: {counted(leaving, 'commit leaves', 'commits leave')}, {gaining} come"
    count = leaving if direction == "back" else gaining
    return f"{direction} {counted(count, 'commit')}" if direction in ("back", "forward") else direction


def parts(told: tuple[Part, ...]) -> str:
    """Write have/need per service: `cart 3/3, payment 1/2`."""
    return ", ".join(f"{part.service} {'?' if part.unknown else f'{part.have}/{part.need}'}" for part in told)
