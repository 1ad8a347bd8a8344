"""What has to be known of a service to judge its features at versions already looked at: counts, no commits. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import NamedTuple

from reversion.features.describing import Told
from reversion.features.patches import Undone
from reversion.features.values import Relation
from reversion.text import Value


class Toggled(NamedTuple):
    """An item that some revert removes, in a version that contains it: how many remove it, and whether it is there.

    Where it is not in effect, `undone` are those reverts.
    """

    effective: bool
    removals: int
    undone: tuple[Undone, ...] = ()


class Sheet(Value):
    """One service's features, whatever version runs: each has a place, and `need`, `merged` and `items` follow it.

    These count a feature's items: in effect at the tracked heads, contained in them, and all. `toggled` gives the
    places for each item that some revert removes, `lasting` those in effect at the heads, and `heads` how each
    tracked head has them.
    """

    service: str
    features: tuple[str, ...]
    told: tuple[Told, ...]
    need: tuple[int, ...]
    merged: tuple[int, ...]
    items: tuple[int, ...]
    toggled: Mapping[int, tuple[int, ...]] = {}
    lasting: tuple[int, ...] = ()
    heads: tuple[Mapping[int, Toggled], ...] = ()


class View(Value):
    """What one version has: how many items of each feature are in effect, by place.

    `have` counts those that are needed too where that is another number, `merged` those that the heads contain where
    none is needed. `seen` are the places with items that are reverted here, `doubtful` those where the graph can't be
    sure. `landed` commits lie below the horizon; `besides` are the others, each with where it lands.
    """

    commit: str
    horizon: int
    landed: int
    besides: Mapping[int, int] = {}
    effective: tuple[int, ...]
    have: Mapping[int, int] = {}
    merged: Mapping[int, int] = {}
    seen: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()
    toggled: Mapping[int, Toggled] = {}


@dataclass(frozen=True)
class Book:
    """A sheet with the views that were wanted, by commit id."""

    sheet: Sheet
    views: Mapping[str, View]

    def view(self, commit: str) -> View | None:
        """Return what the version has, or None where the history does not hold its commit."""
        return self.views.get(commit)


def relate(service: str, before: View, after: View) -> Relation:
    """Return how two versions of a service lie to each other, by the graph alone."""
    if before.commit == after.commit:
        return Relation(service=service, direction="same")
    leaving, gaining = _beyond(after, before), _beyond(before, after)
    direction = "diverged" if leaving and gaining else "back" if leaving else "forward"
    return Relation.model_validate(
        {"service": service, "direction": direction, "leaving": leaving, "gaining": gaining}
    )


def differing(before: View, after: View) -> set[int]:
    """Return the places of features of which the versions may have another share."""
    if before.commit == after.commit:
        return set()
    found = set(compress(range(len(before.effective)), map(ne, before.effective, after.effective)))
    found |= _unlike(before.have, after.have) | _unlike(before.merged, after.merged)
    return found | (set(before.seen) ^ set(after.seen)) | (set(before.doubtful) ^ set(after.doubtful))


def resurrected(sheet: Sheet, before: View | None, after: View) -> set[int]:
    """Return the places of features of which going to `after` would bring back what was deliberately reverted.

    So it is for an item where `before`, or the reference, has reverted it, and `after` lacks one of those reverts.
    """
    found: set[int] = set()
    for item, there in after.toggled.items():
        here = before.toggled.get(item) if before else None
        if not there.effective or (here and here.effective):
            continue
        removals = [here.removals] if here else []
        if item not in sheet.lasting:
            removals += [head[item].removals for head in sheet.heads if item in head]
        if any(count > there.removals for count in removals):
            found.update(sheet.toggled[item])
    return found


def _unlike(before: Mapping[int, int], after: Mapping[int, int]) -> set[int]:
    return {place for place, _ in before.items() ^ after.items()}


def items_at(sheet: Sheet, place: int) -> tuple[int, ...]:
    """Return the items of one feature that some revert removes."""
    return tuple(item for item, places in sheet.toggled.items() if place in places)


def _beyond(base: View, tip: View) -> int:
    """Count the commits of the tip that the base does not contain."""
    landed = max(0, tip.landed - base.landed)
    landed -= sum(position <= tip.horizon for position in base.besides.values())
    return landed + sum(
        position > base.horizon and commit not in base.besides for commit, position in tip.besides.items()
    )
