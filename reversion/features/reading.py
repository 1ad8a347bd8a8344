"""What each commit of a service is: an ordinary commit, a merge, or a revert of known commits. Pure.

A commit that reverts others under a subject of its own may be both: work of its own, and a revert of what it names.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reversion.features.graph import Graph
from reversion.features.messages import Undoing, without_pull_requests
from reversion.features.records import Records


@dataclass(frozen=True, slots=True)
class Target:
    """One commit that a revert takes back; a merge is taken back to the commit `base`."""

    commit: int
    base: int | None = None


class Reading:
    """Records with their graph, and for each revert what it takes back, which is older than it."""

    def __init__(self, records: Records, tracked: tuple[str, ...]) -> None:
        self.records = records
        self.heads = tuple(records.number[id] for id in tracked if id in records.number)
        self.graph = Graph(records.parents, self.heads)
        self.merges = frozenset(at for at, parents in enumerate(records.parents) if len(parents) > 1)
        self._sorted: list[str] | None = None
        self.reverts: dict[int, tuple[Target, ...]] = {}
        for at, said in records.undoings.items():
            targets = self._targets(at, said)
            if said.by_subject or self._is_meant(at, targets):
                self.reverts[at] = targets

    def is_ordinary(self, at: int) -> bool:
        """Tell whether a commit may bring something of its own."""
        return at not in self.merges and (at not in self.reverts or at in self.both)

    @cached_property
    def both(self) -> Mapping[int, tuple[Target, ...]]:
        """The reverts under a subject of their own."""
        return {at: targets for at, targets in self.reverts.items() if not self.records.undoings[at].by_subject}

    def find(self, id: str) -> int | None:
        """Return the commit of that id, or of that unique beginning of an id."""
        if len(id) == 40:
            return self.records.number.get(id)
        if self._sorted is None:
            self._sorted = sorted(self.records.ids)
        at = bisect_left(self._sorted, id)
        found = [known for known in self._sorted[at : at + 2] if known.startswith(id)]
        return self.records.number[found[0]] if len(found) == 1 else None

    def _targets(self, revert: int, said: Undoing) -> tuple[Target, ...]:
        found = [
            self._target(commit, self.find(base) if base else None)
            for id, base in said.ids
            if (commit := self.find(id)) is not None and commit != revert
        ]
        if not found:
            found = [
                self._target(commit)
                for number in said.pulls
                if (commit := self._landed_by(number, revert)) is not None
            ]
        if not found and said.subject:
            commit = self._latest(self._with_subject(said.subject), revert)
            found = [self._target(commit)] if commit is not None else []
        return tuple(dict.fromkeys(found))

    def _target(self, commit: int, base: int | None = None) -> Target:
        parents = self.graph.parents[commit]
        if len(parents) < 2:
            return Target(commit)
        return Target(commit, base if base in parents else parents[0])

    def _is_meant(self, at: int, targets: tuple[Target, ...]) -> bool:
        """Tell a revert under a subject of its own from a squashed branch that quotes a revert made on it.

        What it reverts lies below, or what was picked from that does, as on a release branch.
        """
        if targets and at in self.records.picks:
            return True
        return any(self.graph.is_below(one, at) for target in targets for one in self._picked_alike(target.commit))

    def _picked_alike(self, commit: int) -> Iterator[int]:
        """Yield a commit and those that say they were picked from it, or it from them, or both from another."""
        waiting, seen = [commit], {commit}
        while waiting:
            at = waiting.pop()
            yield at
            new = self._picks.get(at, set()) - seen
            seen |= new
            waiting += new

    @cached_property
    def _picks(self) -> Mapping[int, set[int]]:
        """What each commit was picked from, and what was picked from it."""
        found: dict[int, set[int]] = defaultdict(set)
        for at, ids in self.records.picks.items():
            for source in map(self.find, ids):
                if source is not None:
                    found[at].add(source)
                    found[source].add(at)
        return found

    def _latest(self, candidates: list[int], revert: int) -> int | None:
        older = [at for at in candidates if at < revert]
        if len(older) > 1:
            older.sort(key=self._age, reverse=True)
        return next((at for at in older if self.graph.is_below(at, revert)), None)

    def _age(self, at: int) -> tuple[int, str]:
        """Return what sorts commits after their parents, and always the same, in whatever order they were read."""
        return self._generations[at], self.records.ids[at]

    @cached_property
    def _generations(self) -> "array[int]":
        """How long the longest line from a first commit to each commit is."""
        found = array("q")
        for parents in self.records.parents:
            found.append(max([found[at] for at in parents], default=-1) + 1)
        return found

    def _landed_by(self, number: str, revert: int) -> int | None:
        """Return the latest commit below that the pull request landed, else the latest that bears its number."""
        bearing = self._by_pull.get(number, [])
        landed = self._latest([at for at in bearing if self.records.pulls[at][-1] == number], revert)
        return landed if landed is not None else self._latest(bearing, revert)

    def _with_subject(self, subject: str) -> list[int]:
        """Return the commits with that subject, or that begin so where the subject was cut short."""
        exact = self._by_subject.get(subject) or self._by_subject.get(without_pull_requests(subject))
        if exact or not subject.endswith(("...", "\u2026")):
            return exact or []
        begins = subject.rstrip(".\u2026 ")
        return [at for at, known in enumerate(self.records.subjects) if len(begins) > 9 and known.startswith(begins)]

    @cached_property
    def _by_subject(self) -> dict[str, list[int]]:
        """The commits of each subject that some revert quotes, also without the pull requests at its end."""
        quoted = {said.subject for said in self.records.undoings.values() if said.subject}
        found: dict[str, list[int]] = {subject: [] for subject in (*quoted, *map(without_pull_requests, quoted))}
        subjects = self.records.subjects
        for at in [at for at, known in enumerate(subjects) if known in found]:
            found[subjects[at]].append(at)
        length = min(map(len, found), default=0)
        begins = {subject[:length] for subject in found}
        for at in self.records.pulls:
            known = subjects[at]
            if known[:length] in begins and (bare := without_pull_requests(known)) != known and bare in found:
                found[bare].append(at)
        return found

    @cached_property
    def _by_pull(self) -> dict[str, list[int]]:
        """The commits that bear the number of each pull request that some revert names."""
        named = {number for said in self.records.undoings.values() for number in said.pulls}
        found: dict[str, list[int]] = {number: [] for number in named}
        for at, numbers in self.records.pulls.items():
            for number in numbers:
                if number in found:
                    found[number].append(at)
        return found
