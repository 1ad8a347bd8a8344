"""Judge which features a set of service versions carries, and what going to another set does to them. Pure.

A feature is measured against its *universe*: its items in effect at the heads of the tracked branches. A feature of
which nothing is in effect there (reverted for good, or never merged) is measured against all that it ever had there,
or has anywhere: so a version that still carries it is not told to lack it.
"""

from collections.abc import Mapping

from reversion.features.comparing import Pair, compare
from reversion.features.describing import Description, describe, in_order, tracker_url
from reversion.features.judging import Judged, Yardstick, judge
from reversion.features.ledger import NOTHING, Ledger, Standing
from reversion.features.naming import Naming
from reversion.features.values import Comparison, Feature, History, Relation, State
from reversion.product import CatalogueEntry, FeatureSettings

Vector = Mapping[str, str | None]
"""Service to commit id. None: its version is not known. A service that is missing does not run at all."""


class Resolver:
    """Everything the histories say about features; judges any number of vectors."""

    def __init__(
        self,
        histories: tuple[History, ...],
        settings: FeatureSettings,
        entries: tuple[CatalogueEntry, ...] = (),
    ) -> None:
        self._settings = settings
        self._entries = {entry.id: entry for entry in entries}
        naming = Naming(settings, entries)
        self._ledgers = {history.service: Ledger(history, naming) for history in histories if not history.problem}
        self._subjects: dict[str, list[str]] = {}
        self._urls: dict[str, str] = {}
        for ledger in self._ledgers.values():
            for id, subjects in ledger.subjects.items():
                self._subjects.setdefault(id, []).extend(subjects)
            self._urls = ledger.urls | self._urls
        self._described: dict[str, Description] = {}
        self._yardsticks = self._measure()

    def features(self, vector: Vector) -> tuple[Feature, ...]:
        """Return every feature that is known, each with its state at the vector, in the order of a review."""
        standings = self._standings(vector)
        judged = ((yardstick.id, judge(yardstick, standings)) for yardstick in self._yardsticks)
        return tuple(self._told(id, one, ambiguous=one.ambiguous) for id, one in judged)

    def compare(self, before: Vector, after: Vector) -> Comparison:
        """Return what going from `before` to `after` does to each feature that either has or may have."""
        here, there = self._standings(before), self._standings(after)
        pairs = []
        for yardstick in self._yardsticks:
            was, will = judge(yardstick, here), judge(yardstick, there)
            if {was.state, will.state} <= {State.ABSENT, State.WITHDRAWN}:
                continue
            back = self._is_resurrected(yardstick, here, there)
            told = self._told(yardstick.id, was, ambiguous=was.ambiguous or will.ambiguous)
            pairs.append(Pair(told, was, will, back))
        return compare(pairs)

    def relation(self, service: str, before: str | None, after: str | None) -> Relation:
        """Return how one commit of a service lies to another.

        None is a version that is not known, and an empty text a service that does not run there.
        """
        if before is None or after is None or before == after == "":
            return Relation(service=service, direction="unknown")
        if not before or not after:
            return Relation(service=service, direction="removed" if before else "added")
        if service not in self._ledgers:
            return Relation(service=service, direction="same" if before == after else "unknown")
        return self._ledgers[service].relation(before, after)

    def _measure(self) -> tuple[Yardstick, ...]:
        items: dict[str, dict[str, tuple[int, ...]]] = {id: {} for id in self._entries}
        for ledger in self._ledgers.values():
            for id, found in ledger.features.items():
                items.setdefault(id, {})[ledger.service] = found
        yardsticks = [
            Yardstick.of(id, items[id], self._ledgers, self._entries[id].requires if id in self._entries else ())
            for id in items
        ]
        return tuple(sorted(yardsticks, key=lambda one: in_order(self._describe(one.id).kind, one.id)))

    def _standings(self, vector: Vector) -> dict[str, Standing | None]:
        """Return what each service has; None where that can't be known."""
        return {
            service: self._standing(service, vector[service]) if service in vector else NOTHING
            for service in {**self._ledgers, **vector}
        }

    def _standing(self, service: str, commit: str | None) -> Standing | None:
        if commit is None or service not in self._ledgers:
            return None
        return self._ledgers[service].at(commit)

    def _is_resurrected(
        self, yardstick: Yardstick, here: Mapping[str, Standing | None], there: Mapping[str, Standing | None]
    ) -> bool:
        return any(
            self._ledgers[service].is_resurrected(item, before, after)
            for service, items in yardstick.items.items()
            if (before := here[service]) is not None and (after := there[service]) is not None
            for item in after.effective.intersection(items) - before.effective
        )

    def _describe(self, id: str) -> Description:
        if id not in self._described:
            self._described[id] = describe(
                id,
                self._subjects.get(id, ()),
                self._urls.get(id) or tracker_url(id, self._settings.url),
                self._entries.get(id),
            )
        return self._described[id]

    def _told(self, id: str, judged: Judged, *, ambiguous: bool) -> Feature:
        title, kind, url, owner = self._describe(id)
        return Feature(
            id=id,
            title=title,
            kind=kind,
            url=url,
            owner=owner,
            state=judged.state,
            parts=judged.parts,
            ambiguous=ambiguous,
        )
