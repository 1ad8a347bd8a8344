"""The words features are told in."""

from collections.abc import Callable
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
    """One feature in one environment, or at one snapshot.

    `ambiguous` says that only Git's merge knows, `check` that a revert which decides it may have kept a part.
    `status` is how far people say its making has come, `needs` the ids of features that it can't do without.
    """

    id: str
    title: str
    kind: Literal["feature", "fix", "security"] = "feature"
    url: str = ""
    owner: str = ""
    state: State
    parts: tuple[Part, ...] = ()
    ambiguous: bool = False
    check: bool = False
    status: Literal["", "planned", "in-progress", "done", "retired"] = ""
    needs: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What has to be said beside the state, in words."""
        said = {"planned": "planned", "in-progress": "unfinished", "retired": "retired"}.get(self.status)
        return (*(("ambiguous",) if self.ambiguous else ()), *((said,) if said else ()))

    @property
    def told(self) -> str:
        """The state and what has to be said of it: `withdrawn (check)`, `partial (ambiguous, unfinished)`."""
        said = (*(("check",) if self.check else ()), *self.remarks)
        return self.state.value + (f" ({', '.join(said)})" if said else "")


class Change(Value):
    """One feature, before and after; `when_taken` is what the snapshot says of it, where that is not `after`."""

    feature: Feature
    before: State
    after: State
    parts_before: tuple[Part, ...] = ()
    parts_after: tuple[Part, ...] = ()
    when_taken: State | None = None

    @property
    def told(self) -> str:
        """The states: `complete to withdrawn (check)`, `complete to partial, complete when taken`.

        One that is not known is said in words: `complete before, not known afterwards`.
        """
        was, will = (_with_check(state, self.feature.check) for state in (self.before, self.after))
        text = f"{was} to {will}"
        if self.before is self.after is State.UNKNOWN:
            text = "not known before or afterwards"
        elif State.UNKNOWN in (self.before, self.after):
            known = ("not known" if state == State.UNKNOWN else state for state in (was, will))
            text = "{} before, {} afterwards".format(*known)
        if self.feature.check and State.WITHDRAWN not in (self.before, self.after):
            text += ", reverted (check)"
        return f"{text}, {self.when_taken} when taken" if self.when_taken else text


class Comparison(Value):
    """What going from one set of versions to another does to the features.

    Every feature that is there before or after, or unknown, is in exactly one group; the others are kept where the
    snapshot says that they were there, else left out. Within a group security fixes come first, then fixes, then
    features, each by id.
    """

    lost: tuple[Change, ...] = ()
    regained: tuple[Change, ...] = ()
    made_partial: tuple[Change, ...] = ()
    completed: tuple[Change, ...] = ()
    resurrected: tuple[Change, ...] = ()
    unknown: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()

    def each(self, told: Callable[[Change], Change]) -> "Comparison":
        """Return the same groups with each change told otherwise."""
        groups = {name: tuple(map(told, getattr(self, name))) for name in Comparison.model_fields}
        return Comparison.model_validate(groups)

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


def _with_check(state: State, check: bool) -> str:
    return f"{state} (check)" if check and state is State.WITHDRAWN else state.value
