"""The words features are told in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from reversion.text import Value

Direction = Literal["same", "back", "forward", "diverged", "added", "removed", "unknown"]


class State(StrEnum):
    """Where a feature stands in one environment; `unknown` is never shown as `absent`."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    ABSENT = "absent"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: full id, parents' ids in order, message, and the paths it touches where asked for."""

    id: str
    parents: tuple[str, ...]
    message: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """One service's commits, parents before children, and the ids of the tracked branches' heads.

    With `paths`, the service is a part of its repository, and only commits that touch one of them are evidence.
    With a `problem`, nothing is known of the service's features and the problem says why.
    """

    service: str
    commits: tuple[Commit, ...] = ()
    tracked: tuple[str, ...] = ()
    problem: str = ""
    paths: tuple[str, ...] = ()


class Mapped(Value):
    """A service's version and the commit that it names; without a commit, the problem says why."""

    service: str
    version: str | None
    commit: str | None = None
    mapped_by: str = ""
    problem: str = ""


class Part(Value):
    """What one service has of a feature, in items."""

    service: str
    have: int
    need: int
    unknown: bool = False


class Feature(Value):
    """One feature in one environment, or at one snapshot."""

    id: str
    title: str
    kind: Literal["feature", "fix", "security"] = "feature"
    url: str = ""
    owner: str = ""
    state: State
    parts: tuple[Part, ...] = ()
    ambiguous: bool = False


class Change(Value):
    """One feature, before and after."""

    feature: Feature
    before: State
    after: State
    parts_before: tuple[Part, ...] = ()
    parts_after: tuple[Part, ...] = ()


class Comparison(Value):
    """What going from one set of versions to another does to the features.

    Every feature that is there before or after, or unknown, is in exactly one group. Within a group security fixes
    come first, then fixes, then features, each by id.
    """

    lost: tuple[Change, ...] = ()
    regained: tuple[Change, ...] = ()
    made_partial: tuple[Change, ...] = ()
    completed: tuple[Change, ...] = ()
    resurrected: tuple[Change, ...] = ()
    unknown: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()

    def with_unknown(self, features: tuple[Feature, ...]) -> "Comparison":
        """Tell these features as unknown, unless something that is known of them is a change already."""
        told = {c.feature.id for group in (self.lost, self.regained, self.made_partial) for c in group}
        told |= {c.feature.id for group in (self.completed, self.resurrected, self.unknown) for c in group}
        more = tuple(
            Change(feature=feature, before=State.UNKNOWN, after=State.UNKNOWN)
            for feature in features
            if feature.id not in told
        )
        moved = {change.feature.id for change in more}
        kept = tuple(change for change in self.kept if change.feature.id not in moved)
        return self.model_copy(update={"unknown": self.unknown + more, "kept": kept})


class Relation(Value):
    """How one commit of a service lies to another; counts are commits only in the one and only in the other."""

    service: str
    direction: Direction
    leaving: int = 0
    gaining: int = 0
