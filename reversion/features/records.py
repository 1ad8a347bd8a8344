"""What is kept of a history's commits, in columns. Pure.

A message is read once, as it comes, and then dropped: what it says stands in the columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reversion.feature_settings import FeatureSettings
from reversion.features.conventions import Named, made_ready, names_of_merge
from reversion.features.messages import (
    SHORT,
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


@dataclass(slots=True)
class Records:
    """Commits by number, parents before children. What only some commits say stands in maps by number, ascending.

    `ids` and `subjects` have a place for each commit; `number` tells a commit's number by its full id; `parents`
    leaves out what was never read. `names` are the features that a commit names, `aside` those whose type is no part
    of features, `titles` what a merge calls its pull request, `touched` the services whose paths a commit touches,
    where the repository has several.
    """

    ids: list[str] = field(default_factory=list)
    number: dict[str, int] = field(default_factory=dict)
    parents: list[tuple[int, ...]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    pulls: dict[int, tuple[str, ...]] = field(default_factory=dict)
    changes: dict[int, str] = field(default_factory=dict)
    picks: dict[int, tuple[str, ...]] = field(default_factory=dict)
    undoings: dict[int, Undoing] = field(default_factory=dict)
    names: dict[int, tuple[Named, ...]] = field(default_factory=dict)
    aside: dict[int, bool] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    touched: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[object, tuple[Named, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, commits: Sequence[Commit], settings: FeatureSettings) -> None:
        """Take in commits that come after their parents, with the names that the settings' conventions find.

        Column by column: a hundred thousand commits are usual, and each step over all of them counts.
        """
        commits = [commit for commit in commits if commit.id not in self.number]
        if not commits:
            return
        ids, above, messages, added, touched = zip(*commits, strict=True)
        texts = [text if len(text) <= SHORT else clip(text) for text in messages]
        start, known = len(self.ids), self.number
        known.update(zip(ids, range(start, start + len(ids)), strict=True))
        parents = [(known[of],) if of in known else _parents(of, known) for of in above]
        subjects = [text.lstrip("\r\n").split("\n", 1)[0].strip() for text in texts]
        self.ids += ids
        self.parents += parents
        self.subjects += subjects
        self.touched |= {at: services for at, services in enumerate(touched, start) if services}
        self._take_in_marks(texts, subjects, start)
        mine, same = made_ready("", settings), self._known.setdefault
        for at, text in enumerate(texts, start):
            if len(parents[at - start]) < 2:
                named = mine.names_in(text, added[at - start])
                if not mine.counts(subjects[at - start]):
                    self.aside[at] = True
            else:
                named = names_of_merge(text, "", settings)
                if title := merged_title(text):
                    self.titles[at] = title
            if named:
                self.names[at] = same(named, named)

    def _take_in_marks(self, texts: list[str], subjects: list[str], start: int) -> None:
        """Take in what the messages of these commits say of other commits and of pull requests."""
        self.changes |= {
            at: change for at, text in _with("\nChange-Id:", texts, start) if (change := change_id(text))
        }
        self.picks |= {
            at: picked for at, text in _with("(cherry picked from", texts, start) if (picked := picked_from(text))
        }
        self.pulls |= {
            at: pulls
            for at, (subject, text) in enumerate(zip(subjects, texts, strict=True), start)
            if (subject[-1:] == ")" or "See merge request" in text or subject[:1] in "MP")
            and (pulls := pull_requests(text, subject))
        }
        for at, text in (*_with("evert", texts, start), *_with("eapply", texts, start)):
            if len(self.parents[at]) < 2 and (said := undoing(text, self.subjects[at])):
                self.undoings[at] = said

    def chapter(self, start: int, end: int) -> "Chapter":
        """Return what is kept of the commits of these numbers, ids aside."""
        columns: dict[str, Any] = {name: _between(getattr(self, name), start, end) for name in _SPARSE}
        usual = {at: parents for at, parents in enumerate(self.parents[start:end], start) if parents != _line(at)}
        return Chapter.model_construct(None, subjects=self.subjects[start:end], parents=usual, **columns)

    def join(self, ids: list[str], chapter: "Chapter") -> None:
        """Take in what `chapter` gave, behind what is there; raise ValueError where the two don't fit."""
        start = len(self.ids)
        self.ids += ids
        end = len(self.ids)
        self.number.update(zip(ids, range(start, end), strict=True))
        self.subjects += chapter.subjects
        self.parents += map(_line, range(start, end))
        for at, parents in chapter.parents.items():
            self.parents[at] = parents
        for at, named in chapter.names.items():
            self.names[at] = self._known.setdefault(named, named)
        for name in _SPARSE:
            if name != "names":
                getattr(self, name).update(getattr(chapter, name))
        if len(self.subjects) != end or len(self.number) != end:
            raise ValueError("ids and subjects differ in number")


class Chapter(Value):
    """Some consecutive commits of the records, as they are stored; parents only where they are not the one before."""

    subjects: list[str]
    parents: dict[int, tuple[int, ...]]
    pulls: dict[int, tuple[str, ...]]
    changes: dict[int, str]
    picks: dict[int, tuple[str, ...]]
    undoings: dict[int, Undoing]
    names: dict[int, tuple[Named, ...]]
    aside: dict[int, bool]
    titles: dict[int, str]
    touched: dict[int, tuple[str, ...]]


_SPARSE = tuple(name for name in Chapter.model_fields if name not in ("subjects", "parents"))


def _parents(ids: str, known: Mapping[str, int]) -> tuple[int, ...]:
    """Return the numbers of the parents whose ids are given, without those that were never read."""
    return tuple([known[id] for id in ids.split() if id in known])


def _with(mark: str, texts: list[str], start: int) -> list[tuple[int, str]]:
    """Return the texts that hold the mark, each with its number."""
    return [(at, text) for at, text in enumerate(texts, start) if mark in text]


def _line(at: int) -> tuple[int, ...]:
    return (at - 1,) if at else ()


def _between(column: Mapping[int, object], start: int, end: int) -> dict[int, Any]:
    return {at: value for at, value in column.items() if start <= at < end}
