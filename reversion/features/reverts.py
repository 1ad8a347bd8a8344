"""Which items are taken away by reverts in a version. Pure.

A revert removes items, or, where it reverts a revert, restores them. It counts in a version that contains it, unless
the version contains a later one that counts and does the opposite to the item. An item is in effect where the version
contains a commit of it that lies below no removal that counts. So picked reverts and reverts of reverts work across
branches.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from itertools import pairwise
from typing import NamedTuple

from reversion.features.graph import Reach
from reversion.features.items import Items
from reversion.features.reading import Reading, Target


class Toggles(NamedTuple):
    """The reverts that remove an item, and those that restore it."""

    removals: tuple[int, ...] = ()
    restores: tuple[int, ...] = ()


class Reverts:
    """The reverts of one service, each with the items that it removes and restores."""

    def __init__(self, reading: Reading, items: Items) -> None:
        self._reading, self._graph, self._items = reading, reading.graph, items
        self._removed_by: dict[int, frozenset[int]] = {}
        self._restored_by: dict[int, frozenset[int]] = {}
        self._removals: Mapping[int, list[int]] = defaultdict(list)
        self._restores: Mapping[int, list[int]] = defaultdict(list)
        for revert in self._in_order():
            self._settle(revert)

    def touching(self, service: str) -> "Reverts":
        """Return these reverts without those that touch nothing of that service, which shares the repository."""
        touched = self._reading.records.touched
        other = copy(self)
        other._removals, other._restores = (
            {
                item: mine
                for item, reverts in toggles.items()
                if (mine := [at for at in reverts if service in touched.get(at, ())])
            }
            for toggles in (self._removals, self._restores)
        )
        return other

    @property
    def toggled(self) -> Iterable[int]:
        """The items that any revert, in whatever version, removes."""
        return self._removals.keys()

    def toggles(self, reach: Reach, item: int) -> Toggles:
        """Return the reverts in a version that remove or restore the item, whether or not they count."""
        return Toggles(
            self._within(reach, self._removals.get(item, ())), self._within(reach, self._restores.get(item, ()))
        )

    def all_toggles(self, item: int) -> Toggles:
        """Return the reverts that remove or restore the item in whatever version."""
        return Toggles(tuple(self._removals.get(item, ())), tuple(self._restores.get(item, ())))

    def counting(self, reach: Reach, item: int) -> Toggles:
        """Return the reverts in a version that remove or restore the item, and that no later one undoes."""
        return self._counting(self.toggles(reach, item))

    def is_seen(self, reach: Reach, item: int) -> bool:
        """Tell whether a version contains the item, removed or not."""
        return bool(self._bearers(reach, item, self.toggles(reach, item).restores))

    def is_effective(self, reach: Reach, item: int) -> bool:
        """Tell whether a version contains a commit of the item that is below no removal that counts."""
        counting = self.counting(reach, item)
        return any(
            not self._is_below_any(commit, counting.removals)
            for commit in self._bearers(reach, item, counting.restores)
        )

    def is_doubtful(self, reach: Reach, item: int) -> bool:
        """Tell whether the item was toggled on two lines that met: there Git's merge decides, not the graph."""
        toggles = self.toggles(reach, item)
        reverts = sorted({*toggles.removals, *toggles.restores})
        pairs = list(pairwise(reverts))
        for commit in self._within(reach, self._items.members(item)):
            at = bisect(reverts, commit)
            pairs += [(older, commit) for older in reverts[:at][-1:]]
            pairs += [(commit, newer) for newer in reverts[at : at + 1]]
        return any(not self._graph.is_below(older, newer) for older, newer in pairs)

    def _within(self, reach: Reach, commits: Iterable[int]) -> tuple[int, ...]:
        return tuple(commit for commit in commits if self._graph.holds(reach, commit))

    def _is_below_any(self, commit: int, reverts: Iterable[int]) -> bool:
        return any(self._graph.is_below(commit, revert) for revert in reverts)

    def _counting(self, toggles: Toggles) -> Toggles:
        """Leave out the reverts that a later one of the opposite kind undoes, from the newest on."""
        removals: list[int] = []
        restores: list[int] = []
        for revert in sorted({*toggles.removals, *toggles.restores}, reverse=True):
            same, opposite = (removals, restores) if revert in toggles.removals else (restores, removals)
            if not self._is_below_any(revert, opposite):
                same.append(revert)
        return Toggles(tuple(removals), tuple(restores))

    def _bearers(self, reach: Reach, item: int, restores: tuple[int, ...]) -> tuple[int, ...]:
        """Return the commits that bring the item: its own, and restores picked to a line that never had it."""
        members = self._items.members(item)
        own = self._within(reach, members)
        return (*own, *(at for at in restores if not any(self._graph.is_below(one, at) for one in members)))

    def _settle(self, revert: int) -> None:
        removed: set[int] = set()
        restored: set[int] = set()
        for target in self._reading.reverts[revert]:
            added, dropped = self._effect_of(target)
            removed |= added
            restored |= dropped
        self._removed_by[revert], self._restored_by[revert] = frozenset(removed), frozenset(restored)
        for item in removed:
            self._removals[item].append(revert)
        for item in restored - removed:
            self._restores[item].append(revert)

    def _effect_of(self, target: Target) -> tuple[frozenset[int], frozenset[int]]:
        """Return the items that a reverted commit had added, and those that it had taken away."""
        if target.base is not None:
            return self._effect_of_merge(target.base, target.commit)
        if target.commit in self._reading.reverts:
            nothing: frozenset[int] = frozenset()
            own = {self._items.of(target.commit)} if self._reading.is_ordinary(target.commit) else nothing
            return (
                self._restored_by.get(target.commit, nothing) | own,
                self._removed_by.get(target.commit, nothing) - own,
            )
        return frozenset({self._items.of(target.commit)}), frozenset()

    def _effect_of_merge(self, base: int, merge: int) -> tuple[frozenset[int], frozenset[int]]:
        before, after = self._graph.reach(base), self._graph.reach(merge)
        touched: set[int] = set()
        for commit in self._graph.between(before, after):
            if self._reading.is_ordinary(commit):
                touched.add(self._items.of(commit))
            touched |= self._removed_by.get(commit, frozenset()) | self._restored_by.get(commit, frozenset())
        was = {item for item in touched if self.is_effective(before, item)}
        will = {item for item in touched if self.is_effective(after, item)}
        return frozenset(will - was), frozenset(was - will)

    def _in_order(self) -> list[int]:
        """Return the reverts, each after those that its meaning rests on."""
        ordered: list[int] = []
        is_done: dict[int, bool] = {}
        for first in self._reading.reverts:
            waiting = [first]
            while waiting:
                revert = waiting[-1]
                if revert not in is_done:
                    is_done[revert] = False
                    waiting.extend(at for at in self._needs(revert) if at not in is_done)
                    continue
                waiting.pop()
                if not is_done[revert]:
                    is_done[revert] = True
                    ordered.append(revert)
        return ordered

    def _needs(self, revert: int) -> list[int]:
        needed: set[int] = set()
        for target in self._reading.reverts[revert]:
            if target.base is not None:
                needed.update(self._within(self._graph.reach(target.commit), self._reading.reverts))
            elif target.commit in self._reading.reverts:
                needed.add(target.commit)
        return sorted(needed - {revert})
