"""Which commits are evidence of which name, by themselves or by the pull request that merged them. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from reversion.features.conventions import Named
from reversion.features.reading import Reading, Target
from reversion.features.records import Records
from reversion.features.subjects import typed


class Said(NamedTuple):
    """The subject to tell a commit under that a name stands for, and the commit that says so."""

    subject: str
    by: int


class Evidence:
    """Names of features as commits give them, before the catalogue: a pull request's is its number, as `#12`.

    `commits` are those that each name stands for, ascending, and `names` the names of each commit; `several` have
    more than one. Most say so themselves and are told under their own subjects; of the others, `otherwise` has who
    says so.
    """

    def __init__(self, reading: Reading, *, with_pulls: bool) -> None:
        """With `with_pulls`, each pull request is a name, whether or not a convention makes it one."""
        self.names: dict[int, tuple[str, ...]] = {}
        self.several: set[int] = set()
        self.commits: dict[str, list[int]] = defaultdict(list)
        self.otherwise: dict[str, dict[int, list[Said]]] = defaultdict(dict)
        self.urls: dict[str, str] = {}
        self._reading = reading
        records = reading.records
        silent = reading.merges | reading.reverts.keys() | records.aside.keys()
        merging: dict[int, tuple[Named, ...]] = {}
        both: dict[int, tuple[Named, ...]] = {}
        every = _with_pulls(records) if with_pulls else records.names
        for named, commits in every.items():
            self._take_in(named, [at for at in commits if at not in silent])
            merging.update((at, named) for at in reading.merges.intersection(commits))
            if reading.both:
                both.update((at, named) for at in reading.both.keys() & commits if at not in records.aside)
        for at in sorted(merging):
            self._merged(at, merging[at])
        self._take_in_both(both, every)
        for commits in self.commits.values():
            commits.sort()

    def _take_in(self, named: tuple[Named, ...], commits: list[int]) -> None:
        """Give the names to commits that bear just these themselves."""
        if not (commits and named):
            return
        self.names.update(dict.fromkeys(commits, tuple([one.id for one in named])))
        if len(named) > 1:
            self.several.update(commits)
        for id, url, kind in named:
            self.commits[id] += commits
            if url:
                self.urls.setdefault(id, url)
            if kind:
                subjects = self._reading.records.subjects
                self.otherwise[id] |= {at: [Said(_with_type(subjects[at], kind), at)] for at in commits}

    def _merged(self, merge: int, named: tuple[Named, ...]) -> None:
        """Give a merge's names to what it brought in, and not to what its branch had taken from the main line."""
        reading, graph, records = self._reading, self._reading.graph, self._reading.records
        first = graph.parents[merge][0]
        for at in graph.between(graph.reach(first), graph.reach(merge)):
            if reading.is_ordinary(at) and not graph.is_on_main_line(at) and at not in records.aside:
                self._add(at, named, records.titles.get(merge) or records.subjects[at], merge)

    def _take_in_both(
        self, both: Mapping[int, tuple[Named, ...]], every: Mapping[tuple[Named, ...], list[int]]
    ) -> None:
        """Give names to reverts under a subject of their own, but not those of what they take back, and back to.

        Naming these, they say what they revert.
        """
        taken = {at: self._taken(self._reading.both[at]) for at in both}
        looked_at = frozenset().union(*taken.values())
        said: dict[int, set[str]] = defaultdict(set)
        for named, commits in every.items() if looked_at else ():
            for at in looked_at.intersection(commits):
                said[at].update(one.id for one in named)
        for at in sorted(both):
            gone = {name for one in taken[at] for name in (*said[one], *self.names.get(one, ()))}
            self._take_in(tuple(one for one in both[at] if one.id not in gone), [at])

    def _taken(self, targets: tuple[Target, ...]) -> set[int]:
        """Return the commits that such targets are, or brought in, and what they are taken back to."""
        graph = self._reading.graph
        taken = {target.commit for target in targets}
        for target in targets:
            if target.base is not None:
                taken.update((target.base, *graph.between(graph.reach(target.base), graph.reach(target.commit))))
        return taken

    def _add(self, at: int, named: tuple[Named, ...], subject: str, by: int) -> None:
        """Give a merge's names to a commit that it brought in, which may bear some of them already."""
        known = self.names.get(at, ())
        every = self.names[at] = tuple(dict.fromkeys((*known, *(one.id for one in named))))
        if len(every) > 1:
            self.several.add(at)
        for id, url, kind in named:
            if url:
                self.urls.setdefault(id, url)
            if id not in known:
                self.commits[id].append(at)
                self.otherwise[id][at] = []
            if at in self.otherwise[id]:
                self.otherwise[id][at].append(Said(_with_type(subject, kind) if kind else subject, by))


def _with_type(subject: str, kind: str) -> str:
    """Say a fragment's kind as a Conventional Commit would, where the subject says none."""
    return subject if typed(subject) else f"{'feat' if kind == 'feature' else kind}: {subject}"


def _with_pulls(records: Records) -> dict[tuple[Named, ...], list[int]]:
    """Return the records' names, with the pull requests of each commit among them."""
    named = {at: names for names, commits in records.names.items() for at in commits}
    found: dict[tuple[Named, ...], list[int]] = defaultdict(list)
    for at in sorted(named.keys() | records.pulls.keys()):
        names = named.get(at, ())
        known = {one.id for one in names}
        pulls = (Named(f"#{number}") for number in records.pulls.get(at, ()) if f"#{number}" not in known)
        found[(*names, *pulls)].append(at)
    return found
