"""What one service has of each feature at any of its commits. Pure."""

from collections import defaultdict
from dataclasses import dataclass

from reversion.features.graph import Reach
from reversion.features.items import Items
from reversion.features.naming import Evidence, Naming
from reversion.features.reading import Reading
from reversion.features.reverts import Reverts
from reversion.features.values import History, Relation

_EMPTY = Reach(-1, frozenset())


@dataclass(frozen=True)
class Standing:
    """The items that a version contains, those in effect there, and those of which the graph can't be sure."""

    seen: frozenset[int] = frozenset()
    effective: frozenset[int] = frozenset()
    doubtful: frozenset[int] = frozenset()
    reach: Reach = _EMPTY


NOTHING = Standing()


class Ledger:
    """One service: the items of each feature, and which are in effect at the tracked heads and at any version."""

    def __init__(self, history: History, naming: Naming) -> None:
        self.service = history.service
        self._reading = Reading(history)
        self._graph = self._reading.graph
        evidence = Evidence(history, self._reading, naming)
        self._items = Items(self._reading, evidence.names)
        self._reverts = Reverts(self._reading, self._items)
        self.subjects, self.urls = evidence.subjects, evidence.urls
        self.features: dict[str, tuple[int, ...]] = self._by_feature(evidence.names)
        self._named = sorted({item for items in self.features.values() for item in items})
        self._standings: dict[int, Standing] = {}
        heads = [standing for head in history.tracked if (standing := self.at(head))]
        self._heads = heads
        self.universe: frozenset[int] = frozenset().union(*(head.effective for head in heads))
        self.merged: frozenset[int] = frozenset().union(*(head.seen for head in heads))

    def at(self, commit: str) -> Standing | None:
        """Return what the version has, or None where the history does not hold its commit."""
        number = self._graph.number.get(commit)
        if number is None:
            return None
        if number not in self._standings:
            self._standings[number] = self._judge(self._graph.reach(number))
        return self._standings[number]

    def is_resurrected(self, item: int, before: Standing, after: Standing) -> bool:
        """Tell whether going from `before` to `after` would bring back an item that was deliberately reverted.

        So it is where `before`, or the reference, has reverted it, and `after` lacks one of those reverts.
        """
        if item not in after.effective or item in before.effective:
            return False
        places = [before] if item in before.seen else []
        if item not in self.universe:
            places += [head for head in self._heads if item in head.seen]
        known = len(self._reverts.toggles(after.reach, item).removals)
        return any(len(self._reverts.toggles(place.reach, item).removals) > known for place in places)

    def relation(self, before: str, after: str) -> Relation:
        """Return how the commits lie to each other, by the graph alone."""
        one, other = self._graph.number.get(before), self._graph.number.get(after)
        if before == after:
            return Relation(service=self.service, direction="same")
        if one is None or other is None:
            return Relation(service=self.service, direction="unknown")
        here, there = self._graph.reach(one), self._graph.reach(other)
        leaving, gaining = len(self._graph.between(there, here)), len(self._graph.between(here, there))
        direction = "diverged" if leaving and gaining else "back" if leaving else "forward"
        return Relation.model_validate(
            {"service": self.service, "direction": direction, "leaving": leaving, "gaining": gaining}
        )

    def _judge(self, reach: Reach) -> Standing:
        reverts = self._reverts
        seen = {item for item in self._named if reverts.is_seen(reach, item)}
        toggled = {item for item in seen if reverts.is_toggled(item)}
        gone = {item for item in toggled if not reverts.is_effective(reach, item)}
        doubtful = {item for item in toggled if reverts.is_doubtful(reach, item)}
        return Standing(frozenset(seen), frozenset(seen - gone), frozenset(doubtful), reach)

    def _by_feature(self, names: dict[int, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
        found: dict[str, dict[int, None]] = defaultdict(dict)
        for commit in sorted(names):
            for id in names[commit]:
                found[id].setdefault(self._items.of(commit))
        return {id: tuple(items) for id, items in found.items()}
