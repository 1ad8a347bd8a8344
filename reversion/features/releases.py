"""In which version a commit first came. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reversion.features.graph import Graph
from reversion.features.reading import Reading

Besides = tuple[tuple[str, tuple[str, ...]], ...]
"""Commits that were not read, as ids with their parents' ids, parents first."""


class Release(NamedTuple):
    """A version's tag; a smaller place is an earlier version, by what it contains and never by name or date."""

    place: int
    tag: str


def first_releases(
    reading: Reading, besides: Besides, tags: Mapping[str, str], commits: Iterable[str]
) -> dict[str, Release]:
    """Return for each commit the first of the tags (each with its commit's id) that contains it, where one does.

    The earliest is the one that holds least of the main line, then least besides.
    """
    graph, number = _grown(reading, besides)
    ordered = sorted(
        (reach.horizon, len(reach.besides), _natural(tag), tag, reach)
        for tag, commit in tags.items()
        if commit in number
        for reach in (graph.reach(number[commit]),)
    )
    found: dict[str, Release] = {}
    for commit in commits:
        at = number.get(commit)
        holding = (
            Release(place, tag)
            for place, (*_, tag, reach) in enumerate(ordered)
            if at is not None and graph.holds(reach, at)
        )
        if (first := next(holding, None)) is not None:
            found[commit] = first
    return found


def tips(reading: Reading) -> tuple[str, ...]:
    """Return the ids of the commits that no other one contains."""
    records = reading.records
    below = {parent for parents in records.parents for parent in parents}
    return tuple(id for at, id in enumerate(records.ids) if at not in below)


def _grown(reading: Reading, besides: Besides) -> tuple[Graph, Mapping[str, int]]:
    """Return the graph, with the commits besides on no tracked branch."""
    if not besides:
        return reading.graph, reading.records.number
    number, parents = dict(reading.records.number), list(reading.records.parents)
    for id, above in besides:
        number[id] = len(parents)
        parents.append(tuple(number[one] for one in above if one in number))
    return Graph(parents, reading.heads), number


def _natural(tag: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", tag) if part)
