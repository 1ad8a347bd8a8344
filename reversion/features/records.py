"""What is kept of a history's commits, in columns. Pure.

A message is read once, as it comes, and then dropped: what it says stands in the columns.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple

from reversion.feature_settings import FeatureSettings
from reversion.features.conventions import Conventions, Named, made_ready
from reversion.features.messages import (
    SHORT,
    Messages,
    Undoing,
    change_id,
    clip,
    merged_title,
    picked_from,
    pull_requests,
    undoing,
)
from reversion.text import Value


class Commit(NamedTuple):
    """One commit as Git tells it: `parents` are ids with spaces between, `added` paths, `touched` as in `Records`."""

    id: str
    parents: str
    message: str
    added: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()


class Commits(NamedTuple):
    """Commits column by column; a hundred thousand are usual, and each step over all of them counts.

    `added` and `touched` are empty where nobody asked for paths.
    """

    ids: Sequence[str]
    parents: Sequence[str]
    messages: Sequence[str]
    added: Sequence[tuple[str, ...]] = ()
    touched: Sequence[tuple[str, ...]] = ()

    @classmethod
    def of(cls, commits: Sequence[Commit]) -> "Commits":
        return cls(*zip(*commits, strict=True)) if commits else cls((), (), ())

    def without(self, known: Container[str]) -> "Commits":
        """Return those whose ids are not known."""
        new = [id not in known for id in self.ids]
        return Commits(
            tuple(compress(self.ids, new)),
            tuple(compress(self.parents, new)),
            tuple(compress(self.messages, new)),
            tuple(compress(self.added, new)),
            tuple(compress(self.touched, new)),
        )


@dataclass(slots=True)
class Records:
    """Commits by number, parents before children. What only some commits say stands in maps by number, ascending.

    `ids` and `subjects` have a place for each commit; `number` tells a commit's number by its full id; `parents`
    leaves out what was never read. `names` are the features that commits name, all that one names in one, with the
    numbers of these commits, ascending; `aside` are those whose type is no part of features, `titles` what a merge
    calls its pull request, `touched` the services whose paths a commit touches, where the repository has several.
    """

    ids: list[str] = field(default_factory=list)
    number: dict[str, int] = field(default_factory=dict)
    parents: list[tuple[int, ...]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    pulls: dict[int, tuple[str, ...]] = field(default_factory=dict)
    changes: dict[int, str] = field(default_factory=dict)
    picks: dict[int, tuple[str, ...]] = field(default_factory=dict)
    undoings: dict[int, Undoing] = field(default_factory=dict)
    names: dict[tuple[Named, ...], list[int]] = field(default_factory=lambda: defaultdict(list))
    aside: dict[int, bool] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    touched: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, commits: Commits, settings: FeatureSettings) -> None:
        """Take in commits that come after their parents, with the names that the settings' conventions find."""
        known = self.number
        if not known.keys().isdisjoint(commits.ids):
            commits = commits.without(known)
        texts = [text if len(text) <= SHORT else clip(text) for text in commits.messages]
        numbers = list(range(len(self.ids), len(self.ids) + len(texts)))
        known.update(zip(commits.ids, numbers, strict=True))
        above = zip(map(known.get, commits.parents), commits.parents, strict=True)
        self.ids += commits.ids
        self.parents += [_parents(ids, known) if at is None else (at,) for at, ids in above]
        self.subjects += [text.lstrip("\r\n").split("\n", 1)[0].strip() for text in texts]
        if commits.touched:
            pairs = zip(numbers, commits.touched, strict=True)
            self.touched |= {number: services for number, services in pairs if services}
        messages = Messages(texts, commits.added)
        self._take_in_marks(messages, numbers)
        self._take_in_names(messages, numbers, made_ready("", settings))

    def _take_in_names(self, messages: Messages, numbers: list[int], conventions: Conventions) -> None:
        merges = [at for at, number in enumerate(numbers) if len(self.parents[number]) > 1]
        for at in merges:
            if numbers[at] in self.pulls and (title := merged_title(messages.texts[at], self.subjects[numbers[at]])):
                self.titles[numbers[at]] = title
        found = conventions.names_in(messages, {at for at in merges if numbers[at] not in self.pulls})
        for at in sorted(found):
            self.names[found[at]].append(numbers[at])
        for number in numbers if conventions.counted is not None else ():
            if len(self.parents[number]) < 2 and not conventions.counts(self.subjects[number]):
                self.aside[number] = True

    def _take_in_marks(self, messages: Messages, numbers: list[int]) -> None:
        """Take in what the messages of these commits say of other commits and of pull requests."""
        texts, subjects = messages.texts, self.subjects[len(self.subjects) - len(numbers) :]
        for at, _ in messages.holding("\nChange-Id:"):
            if change := change_id(texts[at]):
                self.changes[numbers[at]] = change
        for at, _ in messages.holding("(cherry picked from"):
            if picked := picked_from(texts[at]):
                self.picks[numbers[at]] = picked
        pulling = {at for at, _ in messages.holding("See merge request")}
        pulling.update([at for at, one in enumerate(subjects) if one[-1:] == ")" or one[:1] in "MP"])
        for at in sorted(pulling):
            if pulls := pull_requests(texts[at], subjects[at]):
                self.pulls[numbers[at]] = pulls
        reverting = {at for at, _ in messages.holding("everts")}
        reverting.update(
            [at for at, one in enumerate(subjects) if one[:1] in "Rr" and one[1:6].lower() in ("evert", "eappl")]
        )
        reverting.update(
            [at for at, one in enumerate(subjects) if " Re" in one and (' Revert "' in one or ' Reapply "' in one)]
        )
        for at in sorted(reverting):
            if len(self.parents[numbers[at]]) < 2 and (said := undoing(texts[at], subjects[at])):
                self.undoings[numbers[at]] = said

    def chapter(self, start: int, end: int) -> "Chapter":
        """Return what is kept of the commits of these numbers, ids aside."""
        columns: dict[str, Any] = {name: _between(getattr(self, name), start, end) for name in _SPARSE}
        columns["subjects"] = "\n".join(self.subjects[start:end])
        columns["parents"] = {
            at: one for at, one in enumerate(self.parents[start:end], start) if one != (at - 1,) and (at or one)
        }
        parts = (
            (named, numbers[bisect_left(numbers, start) : bisect_left(numbers, end)])
            for named, numbers in self.names.items()
        )
        return Chapter.model_construct(
            None, names=[(named, numbers) for named, numbers in parts if numbers], **columns
        )

    def join(self, ids: list[str], chapter: "Chapter") -> None:
        """Take in what `chapter` gave, behind what is there; raise ValueError where the two don't fit."""
        start = len(self.ids)
        self.ids += ids
        end = len(self.ids)
        self.number.update(zip(ids, range(start, end), strict=True))
        self.subjects += chapter.subjects.split("\n")
        self.parents += map(_line, range(start, end))
        for at, parents in chapter.parents.items():
            self.parents[at] = parents
        for named, numbers in chapter.names:
            self.names[named] += numbers
        for name in _SPARSE:
            getattr(self, name).update(getattr(chapter, name))
        if len(self.subjects) != end or len(self.number) != end:
            raise ValueError("ids and subjects differ in number")


class Chapter(Value):
    """Some consecutive commits of the records, as they are stored; parents only where they are not the one before.

    Of `names`, each that some commits name alike stands there once, with the numbers of these. A subject is one line.
    """

    subjects: str
    parents: dict[int, tuple[int, ...]]
    pulls: dict[int, tuple[str, ...]]
    changes: dict[int, str]
    picks: dict[int, tuple[str, ...]]
    undoings: dict[int, Undoing]
    names: list[tuple[tuple[Named, ...], list[int]]]
    aside: dict[int, bool]
    titles: dict[int, str]
    touched: dict[int, tuple[str, ...]]


_SPARSE = tuple(name for name in Chapter.model_fields if name not in ("subjects", "parents", "names"))


def _parents(ids: str, known: Mapping[str, int]) -> tuple[int, ...]:
    """Return the numbers of the parents whose ids are given, without those that were never read."""
    return tuple([known[id] for id in ids.split() if id in known])


def _line(at: int) -> tuple[int, ...]:
    return (at - 1,) if at else ()


def _between(column: dict[int, Any], start: int, end: int) -> dict[int, Any]:
    if start <= next(iter(column), start) and next(reversed(column), start) < end:
        return column
    return {at: value for at, value in column.items() if start <= at < end}
