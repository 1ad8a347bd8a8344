"""Which items a revert takes back, and which reverts count in a version. Pure.

A revert counts in a version that contains it, unless a revert of it that came later counts there too. It takes an item
from the commits below it only. Reverts of the same items are the same change, so that picked reverts and reverts of
reverts work across branches.
"""

from bisect import insort
from collections import defaultdict
from dataclasses import dataclass, field

from reversion.features.graph import Reach
from reversion.features.items import Items
from reversion.features.reading import Reading, Target


@dataclass(frozen=True)
class Counting:
    """The reverts that count in one version, newest first for each item or kind of revert that they take back."""

    reach: Reach
    of: dict[int, list[int]] = field(default_factory=dict)


class Reverts:
    """The reverts of one service. A *node* is an item or, beyond the last commit's number, a kind of revert."""

    def __init__(self, reading: Reading, items: Items) -> None:
        self._reading, self._graph, self._items = reading, reading.graph, items
        self._kinds: dict[frozenset[int], int] = {}
        self.kind: dict[int, int] = {}
        self.takes: dict[int, frozenset[int]] = {}
        self.by_node: dict[int, list[int]] = defaultdict(list)
        self._settled: list[int] = []
        for revert in self._in_order():
            self._settle(revert)

    def counting(self, reach: Reach) -> Counting:
        """Return the reverts that count in what `reach` contains."""
        known = Counting(reach)
        for revert in reversed(self._settled):
            if self._graph.holds(reach, revert) and not self.is_taken_back(known, self.kind[revert], revert):
                for node in self.takes[revert]:
                    known.of.setdefault(node, []).append(revert)
        return known

    def is_taken_back(self, counting: Counting, node: int, commit: int) -> bool:
        """Tell whether a revert that counts takes this commit of the node back."""
        return any(self._graph.is_below(commit, revert) for revert in counting.of.get(node, ()))

    def is_effective(self, counting: Counting, item: int) -> bool:
        """Tell whether a version contains a commit of the item that is not taken back."""
        return any(
            self._graph.holds(counting.reach, commit) and not self.is_taken_back(counting, item, commit)
            for commit in self._items.members.get(item, ())
        )

    def is_doubtful(self, reach: Reach, item: int) -> bool:
        """Tell whether the item was toggled on two lines that then met: there Git's merge decides, not the graph."""
        reverts = [at for at in self._toggles(item) if self._graph.holds(reach, at)]
        if not reverts:
            return False
        commits = [at for at in self._items.members.get(item, ()) if self._graph.holds(reach, at)]
        return any(
            not self._graph.is_below(min(one, other), max(one, other))
            for one in reverts
            for other in (*commits, *reverts)
        )

    def _toggles(self, item: int) -> list[int]:
        """Return the reverts of the item, the reverts of those, and so on."""
        found: list[int] = []
        waiting, met = [item], {item}
        while waiting:
            for revert in self.by_node.get(waiting.pop(), ()):
                found.append(revert)
                if self.kind[revert] not in met:
                    met.add(self.kind[revert])
                    waiting.append(self.kind[revert])
        return found

    def _settle(self, revert: int) -> None:
        takes = frozenset(node for target in self._reading.reverts[revert] for node in self._nodes_of(target))
        if takes:
            kind = self._kinds.setdefault(takes, len(self._reading.commits) + len(self._kinds))
            self.kind[revert], self.takes[revert] = kind, takes
            insort(self._settled, revert)
            for node in takes:
                self.by_node[node].append(revert)

    def _nodes_of(self, target: Target) -> set[int]:
        if target.base is None:
            return self._node(target.commit)
        base = self._graph.reach(target.base)
        brought = self._graph.between(base, self._graph.reach(target.commit))
        there = self.counting(base)
        return {node for commit in brought for node in self._node(commit) if not self._was_there(there, node)}

    def _node(self, commit: int) -> set[int]:
        if commit in self._reading.merges:
            return set()
        if commit in self._reading.reverts:
            return {self.kind[commit]} if commit in self.kind else set()
        return {self._items.of(commit)}

    def _was_there(self, counting: Counting, node: int) -> bool:
        if node < len(self._reading.commits):
            return self.is_effective(counting, node)
        return any(
            kind == node
            and self._graph.holds(counting.reach, revert)
            and not self.is_taken_back(counting, node, revert)
            for revert, kind in self.kind.items()
        )

    def _in_order(self) -> list[int]:
        """Return the reverts, each after those that its meaning rests on."""
        ordered: list[int] = []
        state: dict[int, bool] = {}
        for first in self._reading.reverts:
            waiting = [first]
            while waiting:
                revert = waiting[-1]
                if revert not in state:
                    state[revert] = False
                    waiting.extend(at for at in self._needs(revert) if at not in state)
                    continue
                waiting.pop()
                if not state[revert]:
                    state[revert] = True
                    ordered.append(revert)
        return ordered

    def _needs(self, revert: int) -> set[int]:
        needed: set[int] = set()
        for target in self._reading.reverts[revert]:
            if target.base is not None:
                reach = self._graph.reach(target.commit)
                needed.update(at for at in self._reading.reverts if self._graph.holds(reach, at))
            elif target.commit in self._reading.reverts:
                needed.add(target.commit)
        return needed - {revert}
