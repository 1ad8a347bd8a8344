"""Judge which features a set of service versions carries, and what going to another set does to them. Pure.

A feature is measured against its *universe*: its items in effect at the heads of the tracked branches. A feature of
which nothing is in effect there (reverted for good, or never merged) is measured against all that it ever had there,
or has anywhere: so a version that still carries it is not told to lack it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from copy import copy
from itertools import compress
from operator import ne
from typing import Any, Protocol

from reversion.feature_settings import CatalogueEntry, FeatureSettings
from reversion.features.comparing import Pair, compare
from reversion.features.describing import Description, describe, in_order, tracker_url
from reversion.features.judging import Judged, Row, Views, Yardstick, judge
from reversion.features.sheets import Sheet, View, differing, relate, resurrected
from reversion.features.titles import Title
from reversion.features.values import Comparison, Feature, Relation, State

_GONE = (State.ABSENT, State.WITHDRAWN)

Vector = Mapping[str, str | None]
"""Service to commit id. None: its version is not known. A service that is missing does not run at all."""


class Book(Protocol):
    """One service's sheet, and its views by commit id: worked out now or earlier."""

    @property
    def sheet(self) -> Sheet: ...

    def view(self, commit: str) -> View | None: ...


class Resolver:
    """Everything the histories say about features; judges any number of vectors."""

    def __init__(
        self,
        books: Iterable[Book],
        settings: FeatureSettings,
        entries: tuple[CatalogueEntry, ...] = (),
    ) -> None:
        self._settings = settings
        self._entries = {entry.id: entry for entry in entries}
        self._books = {book.sheet.service: book for book in books}
        self._rows: dict[str, list[Row]] = {id: [] for id in self._entries}
        for service, book in self._books.items():
            for place, id in enumerate(book.sheet.features):
                self._rows.setdefault(id, []).append(Row(service, book.sheet, place))
        self._titles: Mapping[str, Title] = {}
        self._describe_all()
        self._yardsticks = self._in_order(
            Yardstick.of(id, rows, self._entries[id].requires if id in self._entries else ())
            for id, rows in self._rows.items()
        )

    def titled(self, titles: Mapping[str, Title]) -> "Resolver":
        """Return a resolver that judges the same, and calls features what their trackers call them."""
        if not titles:
            return self
        other = copy(self)
        other._titles = titles
        other._describe_all()
        other._yardsticks = other._in_order(self._yardsticks)
        return other

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all features that are known, in the order of a review."""
        return tuple(yardstick.id for yardstick in self._yardsticks)

    def rows(self, id: str) -> tuple[Row, ...]:
        """Return where each service has the feature."""
        return tuple(self._rows.get(id, ()))

    def views(self, vector: Vector) -> Views:
        """Return what each service of a vector has; None where that can't be known."""
        return {service: self._view(service, commit) if commit else None for service, commit in vector.items()}

    def features(self, vector: Vector) -> tuple[Feature, ...]:
        """Return every feature that is known, each with its state at the vector, in the order of a review."""
        judged = self._judged(self.views(vector))
        return tuple(self._told(yardstick, one, ambiguous=one.ambiguous) for yardstick, one in judged)

    def compare(self, before: Vector, after: Vector, told: Container[str] = ()) -> Comparison:
        """Return what going from `before` to `after` does to each feature that either has or may have.

        Those in `told` are told even where neither has them.
        """
        here, there = self.views(before), self.views(after)
        brought_back = self._resurrected(here, there)
        touched = self._touched(here, there)
        pairs = []
        for yardstick, was in self._judged(here):
            will = judge(yardstick, there) if yardstick.id in touched else was
            if was.state in _GONE and will.state in _GONE and yardstick.id not in told:
                continue
            feature = self._told(yardstick, was, ambiguous=was.ambiguous or will.ambiguous)
            pairs.append(Pair(feature, was, will, yardstick.id in brought_back))
        return compare(pairs)

    def relation(self, service: str, before: str | None, after: str | None) -> Relation:
        """Return how one commit of a service lies to another.

        None is a version that is not known, and an empty text a service that does not run there.
        """
        if before is None or after is None or before == after == "":
            return Relation(service=service, direction="unknown")
        if not before or not after:
            return Relation(service=service, direction="removed" if before else "added")
        here, there = self._view(service, before), self._view(service, after)
        if here is None or there is None:
            return Relation(service=service, direction="same" if before == after else "unknown")
        return relate(service, here, there)

    def _view(self, service: str, commit: str) -> View | None:
        return self._books[service].view(commit) if service in self._books else None

    def _judged(self, views: Views) -> Iterator[tuple[Yardstick, Judged]]:
        """Yield every feature's judgement; most are whole at most vectors, and are not looked at one by one."""
        lacking = self._lacking(views)
        for yardstick in self._yardsticks:
            whole = None if yardstick.id in lacking else yardstick.whole
            yield yardstick, whole or judge(yardstick, views)

    def _lacking(self, views: Views) -> set[str]:
        """Return the ids of the features of which some service has, or may have, another share than it needs."""
        found: set[str] = set()
        for service, book in self._books.items():
            features, view = book.sheet.features, views.get(service)
            if view is None:
                found.update(features)
            elif view.have or view.doubtful or view.effective != book.sheet.need:
                found.update(compress(features, map(ne, view.effective, book.sheet.need)))
                found.update(features[place] for place in (*view.have, *view.doubtful))
        return found

    def _touched(self, here: Views, there: Views) -> set[str]:
        """Return the ids of the features of which some service has, or may have, another share afterwards."""
        found = {id for id, entry in self._entries.items() if entry.requires}
        for service, book in self._books.items():
            before, after = here.get(service), there.get(service)
            if before and after:
                found.update(book.sheet.features[place] for place in differing(before, after))
            elif before is not after or (service in here) != (service in there):
                found.update(book.sheet.features)
        return found

    def _resurrected(self, here: Views, there: Views) -> set[str]:
        """Return the ids of the features that would be brought back although they were deliberately reverted."""
        found: set[str] = set()
        for service, book in self._books.items():
            before, after = here.get(service), there.get(service)
            if after and (before or service not in here):
                found.update(book.sheet.features[place] for place in resurrected(book.sheet, before, after))
        return found

    def _describe_all(self) -> None:
        self._described = {id: self._describe(id, rows) for id, rows in self._rows.items()}
        # What is empty is left out: checking it takes as long as checking what is not, eight thousand times.
        self._given: dict[str, dict[str, Any]] = {
            id: {name: value for name, value in zip(Description._fields, described, strict=True) if value}
            for id, described in self._described.items()
        }
        self._wholes: dict[str, Feature] = {}

    def _in_order(self, yardsticks: Iterable[Yardstick]) -> tuple[Yardstick, ...]:
        return tuple(sorted(yardsticks, key=lambda one: in_order(self._described[one.id].kind, one.id)))

    def _describe(self, id: str, rows: list[Row]) -> Description:
        told = [row.sheet.told[row.place] for row in rows if row.sheet]
        page = tracker_url(id, self._settings.url)
        return describe(id, told, page, self._entries.get(id), self._titles.get(id))

    def _told(self, yardstick: Yardstick, judged: Judged, *, ambiguous: bool) -> Feature:
        """Return the feature as judged; where it is whole, as most are, it is the same one for every vector."""
        id, is_whole = yardstick.id, judged is yardstick.whole and not ambiguous
        if is_whole and (known := self._wholes.get(id)):
            return known
        said = {"ambiguous": True} if ambiguous else {}
        told = Feature(id=id, state=judged.state, parts=judged.parts, **said, **self._given[id])
        if is_whole:
            self._wholes[id] = told
        return told
