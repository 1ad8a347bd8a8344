"""What one service has of each feature at any of its commits. Pure."""

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress
from operator import add

from reversion.features.describing import Told, told_by
from reversion.features.evidence import Evidence, Said
from reversion.features.graph import Reach
from reversion.features.items import Items
from reversion.features.naming import Naming
from reversion.features.patches import undone_by
from reversion.features.reading import Reading
from reversion.features.records import Records
from reversion.features.reverts import Reverts
from reversion.features.sheets import Sheet, Toggled, View


class Source:
    """One repository's records, with the items and the reverts in them; the services that live in it share it."""

    def __init__(self, records: Records, tracked: tuple[str, ...], *, with_pulls: bool = False) -> None:
        self.tracked = tracked
        self.reading = Reading(records, tracked)
        self.evidence = Evidence(self.reading, with_pulls=with_pulls)
        self.items = Items(self.reading, self.evidence)
        self.evidence.names.clear()  # each commit has a place there, and nobody asks again
        self.reverts = Reverts(self.reading, self.items)


@dataclass(frozen=True)
class Standing:
    """The items that are in effect in a version, those that it contains and that are not, and the doubtful ones.

    Of these the graph can't be sure.
    """

    effective: Set[int]
    withdrawn: Set[int]
    doubtful: Set[int]
    reach: Reach


class Ledger:
    """One service: the items of each feature, and which are in effect at the tracked heads and at any version."""

    def __init__(self, service: str, source: Source, naming: Naming, *, is_part: bool = False) -> None:
        """With `is_part`, only commits that touch the service's paths are evidence."""
        self.service, self.source = service, source
        self.reverts = source.reverts.touching(service) if is_part else source.reverts
        self.features: dict[str, tuple[int, ...]] = {}
        self.told: dict[str, Told] = {}
        self._read_evidence(naming, is_part=is_part)
        records, lands = source.reading.records, list(source.reading.graph.landing)
        for item, commits in source.items.joined.items():
            lands[item] = min([lands[commit] for commit in commits])
        self._is_plain = bytearray(len(records))
        for item in chain.from_iterable(self.features.values()):
            self._is_plain[item] = 1
        self._toggled = sorted(item for item in self.reverts.toggled if self._is_plain[item])
        for item in self._toggled:
            self._is_plain[item] = 0
        self._plain = tuple(compress(records.number.values(), self._is_plain))
        self._lands = tuple(compress(lands, self._is_plain))
        self._standings: dict[int, Standing] = {}
        self.heads = tuple(standing for head in source.tracked if (standing := self.at(head)))
        self.universe = _all_of([head.effective for head in self.heads])
        self._withdrawn = _all_of([head.withdrawn for head in self.heads]) - self.universe

    @cached_property
    def merged(self) -> Set[int]:
        """All items that the tracked heads contain, also those that are in effect at none of them."""
        return self.universe | self._withdrawn

    def at(self, commit: str) -> Standing | None:
        """Return what the version has, or None where the history does not hold its commit."""
        number = self.source.reading.records.number.get(commit)
        if number is None:
            return None
        if number not in self._standings:
            self._standings[number] = self._judge(self.source.reading.graph.reach(number))
        return self._standings[number]

    @cached_property
    def sheet(self) -> Sheet:
        """What is told of the service whatever version runs."""
        need, some = self._counts(self.universe), set(self._toggled)
        toggled: dict[int, list[int]] = defaultdict(list)
        for place, items in enumerate(self.features.values()):
            for item in some.intersection(items):
                toggled[item].append(place)
        return Sheet.model_construct(
            None,
            service=self.service,
            features=tuple(self.features),
            told=tuple(self.told[feature] for feature in self.features),
            need=need,
            merged=tuple(map(add, need, self._counts(self._withdrawn))),
            items=tuple(map(len, self.features.values())),
            toggled={item: tuple(toggled[item]) for item in self._toggled},
            lasting=tuple(item for item in self._toggled if item in self.universe),
            heads=tuple(self._toggled_at(head) for head in self.heads),
        )

    def view(self, commit: str) -> View | None:
        """Return what the version has, counted, or None where the history does not hold its commit."""
        standing = self.at(commit)
        if standing is None:
            return None
        graph, reach = self.source.reading.graph, standing.reach
        have, effective = self._counts(self.universe & standing.effective), self._counts(standing.effective)
        need = self.sheet.need
        merged = tuple(map(add, have, self._counts(self._withdrawn & standing.effective))) if 0 in need else ()
        return View(
            commit=commit,
            horizon=reach.horizon,
            landed=graph.landed(reach.horizon),
            besides={at: graph.landing[at] for at in sorted(reach.besides)},
            effective=effective,
            have={at: count for at, count in enumerate(have) if count != effective[at]},
            merged={at: merged[at] for at, count in enumerate(need) if not count and merged[at]},
            seen=self._places(standing.withdrawn),
            doubtful=self._places(standing.doubtful),
            toggled=self._toggled_at(standing),
        )

    def _counts(self, items: Set[int]) -> tuple[int, ...]:
        holds = items.__contains__
        return tuple([sum(map(holds, mine)) for mine in self.features.values()])

    def _places(self, items: Set[int]) -> tuple[int, ...]:
        if not items:
            return ()
        return tuple(at for at, mine in enumerate(self.features.values()) if not items.isdisjoint(mine))

    def _toggled_at(self, standing: Standing) -> dict[int, Toggled]:
        reading, items, found = self.source.reading, self.source.items, {}
        for item in self._toggled:
            is_there = item in standing.effective
            if is_there or item in standing.withdrawn:
                removals = self.reverts.toggles(standing.reach, item).removals
                told = () if is_there else (undone_by(reading, items, at, item) for at in removals)
                found[item] = Toggled(is_there, len(removals), tuple(told))
        return found

    def _judge(self, reach: Reach) -> Standing:
        reverts, items = self.reverts, self.source.items
        horizon = reach.horizon
        effective = {item for item, landing in zip(self._plain, self._lands, strict=True) if landing <= horizon}
        effective.update(item for commit in reach.besides if self._is_plain[item := items.of(commit)])
        seen = {item for item in self._toggled if reverts.is_seen(reach, item)}
        there = {item for item in seen if reverts.is_effective(reach, item)}
        doubtful = {item for item in seen if reverts.is_doubtful(reach, item)}
        effective |= there
        return Standing(effective, seen - there, doubtful, reach)

    def _read_evidence(self, naming: Naming, *, is_part: bool) -> None:
        source, urls = self.source, self.source.evidence.urls
        touched = source.reading.records.touched
        found: dict[str, dict[int, str]] = {}
        pages: dict[str, str] = {}
        for name, commits in source.evidence.commits.items():
            if is_part:
                commits = [commit for commit in commits if self.service in touched.get(commit, ())]
            for feature in naming.features(self.service, name) if commits else ():
                if subjects := self._subjects(name, commits, naming.excluded(self.service, feature)):
                    subjects.update(found.get(feature, ()))  # what was said first of a commit counts
                    found[feature] = subjects
                pages[feature] = pages.get(feature) or urls.get(name, "")
        for feature, subjects in found.items():
            mine = sorted(subjects)
            self.features[feature] = source.items.of_all(mine)
            self.told[feature] = told_by(naming.keys(feature), [subjects[at] for at in mine], pages[feature])

    def _subjects(self, name: str, commits: list[int], wrong: tuple[str, ...]) -> dict[int, str]:
        """Return the commits that a name stands for, without the wrong, each with the subject to tell it under."""
        subjects, otherwise = self.source.reading.records.subjects, self.source.evidence.otherwise.get(name)
        if not otherwise and not wrong:
            return dict(zip(commits, map(subjects.__getitem__, commits), strict=True))
        return {
            commit: said.subject
            for commit in commits
            for said in reversed((otherwise or {}).get(commit) or (Said(subjects[commit], commit),))
            if not (wrong and self._is_any((commit, said.by), wrong))
        }

    def _is_any(self, commits: tuple[int, int], wrong: tuple[str, ...]) -> bool:
        """Tell whether one of these commits is wrong, or picked from one: what is wrong is so in a pick too."""
        records = self.source.reading.records
        ids = (records.ids[at] for at in commits)
        return any(id.startswith(wrong) for id in (*ids, *(id for at in commits for id in records.picks.get(at, ()))))


def _all_of(sets: list[Set[int]]) -> Set[int]:
    """Return the union; of one set, that set itself, since each has a place for every item."""
    return sets[0] if len(sets) == 1 else frozenset(chain.from_iterable(sets))
