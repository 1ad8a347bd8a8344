"""Items: classes of commits that are the same change. Pure.

Two ordinary commits of a service are one item when they share a Change-Id, when one says that it was picked from the
other, when one pull request landed both, or when both name the same feature under the same subject (backports
without marks).

The last two rules are weaker than the first two, and hold only where the one commit does not contain the other: who
commits twice under one subject on one line made two changes. (Unless the first was reverted in between: then the
second brings it back.) A subject that says nothing besides the feature's id identifies no change.
"""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from reversion.features.evidence import Evidence
from reversion.features.messages import without_pull_requests
from reversion.features.reading import Reading, Target

_TOO_COMMON = 50
_URL = re.compile(r"https?://\S+")
_BACKPORT = re.compile(
    r"^(?:\[(?:[^\]]{0,40}(?:backport|stable|release|cherry)[^\]]{0,40}|v?\d[\w.]{0,20})\][ :]*"
    r"|(?:backport(?: to [\w./-]{1,60})?|cherry[- ]pick(?:ed)?):[ ]*)+"
    r"|\((?:backport|cherry[- ]picked)[^)]{0,80}\)",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Z0-9_]{1,30}-[0-9]{1,10}(?![A-Za-z0-9])")
_NO_WORD = str.maketrans(dict.fromkeys(string.punctuation, " "))
_SPACES = string.punctuation + "\t\r\x0b\x0c\x1c\x1d\x1e\x1f"
_PLAIN = bytes.maketrans(
    f"{_SPACES}{string.ascii_uppercase}".encode(), f"{' ' * len(_SPACES)}{string.ascii_lowercase}".encode()
)
"""The same for ASCII, with lower case in the same step."""
_LOWERED = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NO_LETTER = f" {_SPACES}{string.digits}".encode()


def normalised(subject: str, ids: Iterable[str] = ()) -> str:
    """Return a subject's bare words: no ids, links, pull requests, backport marks, case, punctuation."""
    words = without_pull_requests(subject) if subject[-1:] == ")" else subject
    lowered = words.lower()
    if words[:1] == "[" or "backport" in lowered or "cherry" in lowered:
        words = _BACKPORT.sub("", words)
    if "://" in words:
        words = _URL.sub(" ", words)
    for id in ids:
        words = words.replace(id, " ")
    if "-" in words:
        words = _KEY.sub(" ", words)
    if words.isascii():
        return b" ".join(words.encode().translate(_PLAIN).split()).decode()
    return " ".join(words.translate(_NO_WORD).casefold().split())


def are_unlike(subjects: Sequence[str], id: str) -> bool:
    """Tell whether certainly no two subjects that name this id are the same when `normalised`.

    That is so where not even their letters are the same, and takes no look at each of them.
    """
    whole = "\n".join(subjects)
    lowered = whole.lower()
    is_marked = "[" in lowered or "://" in lowered or "(pull request" in lowered
    if is_marked or "backport" in lowered or "cherry" in lowered or not whole.isascii():
        return False
    words = whole.replace(id, " ")
    if "-" in words:
        words = _KEY.sub(" ", words)
    letters = words.encode().translate(_LOWERED, _NO_LETTER).split(b"\n")
    return len(set(letters)) == len(letters)


class Items:
    """The item of each ordinary commit, told by the number of its first commit."""

    def __init__(self, reading: Reading, evidence: Evidence) -> None:
        self._reading = reading
        self._above: dict[int, int] = {}
        self._pulls = self._landed_several()
        self._join_marked()
        self._join_alike(evidence)
        self._join_pulls(evidence)
        self._several: dict[int, list[int]] = {}
        for commit in sorted({*self._above, *self._above.values()}):
            self._several.setdefault(self.of(commit), []).append(commit)

    @property
    def joined(self) -> Mapping[int, Sequence[int]]:
        """The commits of those items that have several."""
        return self._several

    def members(self, item: int) -> Sequence[int]:
        """Return the commits of an item, in order."""
        return self._several.get(item) or (item,)

    def of_all(self, commits: Iterable[int]) -> tuple[int, ...]:
        """Return the items of the commits, each once; most commits are items by themselves."""
        above = self._above
        return tuple(dict.fromkeys([self.of(commit) if commit in above else commit for commit in commits]))

    def of(self, commit: int) -> int:
        above = self._above
        while (next_up := above.get(commit, commit)) != commit:
            above[commit] = above.get(next_up, next_up)
            commit = next_up
        return commit

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.of(one), self.of(other)))
        if first != second:
            self._above[second] = first

    def _join_marked(self) -> None:
        """Join by Change-Id and by pick marks; two picks of a commit that was never read are one item too."""
        reading, records = self._reading, self._reading.records
        first: dict[str, int] = {}
        for commit, picked in records.picks.items():
            for id in picked if reading.is_ordinary(commit) else ():
                source = reading.find(id)
                if source is None:
                    self._join(first.setdefault(id, commit), commit)
                elif reading.is_ordinary(source):
                    self._join(source, commit)
        for commit, change in records.changes.items():
            if reading.is_ordinary(commit):
                self._join(first.setdefault(change, commit), commit)

    def _join_alike(self, evidence: Evidence) -> None:
        subjects, names = self._reading.records.subjects, evidence.names
        for commits, name in self._under_one_mark(evidence):
            if name and are_unlike([subjects[commit] for commit in commits], name):
                continue
            alike: dict[str, list[int]] = {}
            for commit in commits:
                alike.setdefault(normalised(subjects[commit], names.get(commit, ())), []).append(commit)
            for said, same in alike.items():
                if said and 1 < len(same) <= _TOO_COMMON:
                    self._join_by_turn(same)

    def _under_one_mark(self, evidence: Evidence) -> Iterator[tuple[list[int], str]]:
        """Yield the commits, in order, that bear the same name, or that the same pull request landed.

        With them comes the name, where it is the only one of each.
        """
        landed: dict[str, list[int]] = defaultdict(list)
        for commit, numbers in self._pulls.items():
            for number in numbers:
                landed[f"#{number}"].append(commit)
        for id, commits in evidence.commits.items():
            if also := landed.pop(id, ()):
                yield sorted({*commits, *also}), ""
            elif len(commits) > 1:
                yield commits, id if evidence.several.isdisjoint(commits) else ""
        for commits in landed.values():
            yield sorted(set(commits)), ""

    def _landed_several(self) -> dict[int, tuple[str, ...]]:
        """Return of each ordinary commit the pull requests, where any of these stands at several commits."""
        pulls = self._reading.records.pulls
        several = {number for number, times in Counter(chain.from_iterable(pulls.values())).items() if times > 1}
        return {
            commit: numbers
            for commit, numbers in (pulls.items() if several else ())
            if not several.isdisjoint(numbers) and self._reading.is_ordinary(commit)
        }

    def _join_by_turn(self, commits: list[int]) -> None:
        """Join the first of each line with the first of the others, the second with the second, and so on."""
        turn: dict[int, int] = {}
        first: dict[int, int] = {}
        for commit in commits:
            turn[commit] = max(
                (
                    turn[other] + (0 if self._was_reverted(other, commit) else 1)
                    for other in turn
                    if self._reading.graph.is_below(other, commit)
                ),
                default=0,
            )
            self._join(first.setdefault(turn[commit], commit), commit)

    def _was_reverted(self, commit: int, before: int) -> bool:
        graph, reverts = self._reading.graph, self._reading.reverts
        return any(
            commit < at < before
            and any(self._takes_back(at, target, commit) for target in targets)
            and graph.is_below(at, before)
            for at, targets in reverts.items()
        )

    def _takes_back(self, revert: int, target: Target, commit: int) -> bool:
        """Tell whether a revert of that target takes back this commit: it may name another of the same item."""
        graph = self._reading.graph
        if target.base is None:
            is_same = self.of(target.commit) == self.of(commit) and graph.is_below(commit, revert)
            return target.commit == commit or is_same
        return graph.is_below(commit, target.commit) and not graph.is_below(commit, target.base)

    def _join_pulls(self, evidence: Evidence) -> None:
        """Join what one pull request landed on several lines: a squash and its backports under another subject.

        Where these name other features than the first does, the number is an issue's, or another repository's.
        """
        landed: dict[str, list[int]] = defaultdict(list)
        for commit, numbers in self._pulls.items():
            landed[numbers[0]].append(commit)
        for commits in landed.values():
            if 1 < len(commits) <= _TOO_COMMON and not self._any_in_line(commits):
                named = _features(evidence, commits[0])
                for commit in commits[1:]:
                    if not (named and (other := _features(evidence, commit)) and named.isdisjoint(other)):
                        self._join(commits[0], commit)

    def _any_in_line(self, commits: list[int]) -> bool:
        return any(
            self.of(one) != self.of(other) and self._reading.graph.is_below(one, other)
            for at, other in enumerate(commits)
            for one in commits[:at]
        )


def _features(evidence: Evidence, commit: int) -> set[str]:
    """Return what a commit names besides pull requests."""
    return {name for name in evidence.names.get(commit, ()) if not name.startswith("#")}
