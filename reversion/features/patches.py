"""What a revert must have reversed to take back all of a change. Pure."""

from typing import NamedTuple

from reversion.features.items import Items
from reversion.features.reading import Reading

_ALTERNATIVES = 5


class Patch(NamedTuple):
    """What a commit changed against one of its parents, both told by id; the first commit of all has none."""

    commit: str
    parent: str = ""


class Undone(NamedTuple):
    """A revert, and the patches of which it must be one reversed to take back all of it; none: that can't be told."""

    revert: Patch
    of: tuple[Patch, ...]


def undone_by(reading: Reading, items: Items, revert: int, item: int) -> Undone:
    """Say what a revert must have reversed: what it names, or what had brought the same item where it was made."""
    targets = reading.reverts[revert]
    if len(targets) != 1:
        return Undone(_patch(reading, revert), ())
    (target,) = targets
    ids = reading.records.ids
    if target.base is not None:
        return Undone(_patch(reading, revert), (Patch(ids[target.commit], ids[target.base]),))
    members = () if target.commit in reading.reverts else items.members(item)
    below = tuple(at for at in members if reading.graph.is_below(at, revert))
    commits = below[:_ALTERNATIVES] or (target.commit,)
    return Undone(_patch(reading, revert), tuple(_patch(reading, at) for at in commits))


def _patch(reading: Reading, at: int) -> Patch:
    ids, parents = reading.records.ids, reading.graph.parents[at]
    return Patch(ids[at], ids[parents[0]] if parents else "")
