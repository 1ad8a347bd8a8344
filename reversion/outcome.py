"""The outcome and what it is made of: approval, steps, checks, what was seen of other environments. Pure."""

from enum import Enum, StrEnum
from typing import Literal

from reversion.environment import Observation
from reversion.features.values import Feature
from reversion.plan import Plan
from reversion.text import Value


class StepResult(Value):
    """What became of one step. `versions` maps host to the version seen after the restore."""

    service: str
    state: Literal["restored", "already there", "failed", "unreachable", "interrupted", "not started", "left out"]
    version: str
    message: str = ""
    versions: dict[str, str] = {}
    seconds: float = 0.0

    @property
    def is_proven(self) -> bool:
        return self.state in ("restored", "already there")

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more is to be done: it is proven, or a person has left it out."""
        return self.is_proven or self.state == "left out"

    @property
    def has_failed(self) -> bool:
        return self.state in ("failed", "unreachable", "interrupted")


class Case(Value):
    """One test case of a production test's JUnit report."""

    name: str
    state: Literal["passed", "failed", "error", "skipped"]
    message: str = ""
    seconds: float = 0.0


class Check(Value):
    """The result of one production test, at its last attempt. `output` is the end of what it printed, made plain."""

    name: str
    passed: bool
    message: str = ""
    output: str = ""
    cases: tuple[Case, ...] = ()
    seconds: float = 0.0


class Fingerprints(Value):
    """One environment's observed fingerprint just before the first change and after the last; empty where unread."""

    environment: str
    before: str
    after: str
    problem: str = ""

    @property
    def is_unchanged(self) -> bool:
        return bool(self.before) and self.before == self.after

    def followed_by(self, later: "Fingerprints") -> "Fingerprints":
        """Take the later observation's fingerprint as what was seen after."""
        return self.model_copy(update={"after": later.before, "problem": self.problem or later.problem})


class WayOn(Enum):
    """Where a run that failed goes on to."""

    on = "go on to the snapshot"
    back = "go back to how it was before"


class Approval(Value):
    """A named person's decision on one plan, named by its digest. `asked` is why the reversion was asked for.

    Where a run goes on after it failed, it may leave services out, or go back to the safety snapshot instead.
    """

    decision: Literal["approve", "reject"]
    approver: str
    reason: str = ""
    asked: str = ""
    digest: str
    leave_out: tuple[str, ...] = ()
    goes_back: bool = False


class Verdict(StrEnum):
    """How a reversion ended; also the name of the flow run's final state."""

    PROVEN = "Proven"
    PROVEN_IN_PART = "Proven in part"
    TESTS_FAILED = "Tests failed"
    RESTORE_FAILED = "Restore failed"
    RETURNED = "Returned"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    VOID = "Void"
    REFUSED = "Refused"


def as_left(environment: str, run: str, safety_snapshot: str) -> str:
    """Say how a run that ends unapproved leaves the environment; an earlier attempt at it may have changed that.

    `safety_snapshot` is the run's own; empty where no attempt at it came so far as to change something.
    """
    if not safety_snapshot:
        return "Nothing was changed."
    return f"{environment} is as the earlier attempt left it; the way back from there is 'reversion undo {run[:8]}'."


class Back(Value):
    """What became of going back to the safety snapshot; `problem` is what kept it from being done at all."""

    steps: tuple[StepResult, ...] = ()
    problem: str = ""

    @property
    def is_done(self) -> bool:
        return not self.problem and all(step.is_proven for step in self.steps)


class Outcome(Value):
    """What a reversion came to, for people and for the history."""

    verdict: Verdict
    message: str
    plan: Plan
    approval: Approval
    safety_snapshot: str
    steps: tuple[StepResult, ...]
    checks: tuple[Check, ...]
    others: tuple[Fingerprints, ...]
    features: tuple[Feature, ...]
    configuration_problem: str = ""
    back: Back | None = None


class Seen(Value):
    """What the environment ran after the last change and the last test, and the features that makes."""

    observation: Observation
    features: tuple[Feature, ...]


class Findings(Value):
    """All that was learned between the approval and the end; without `seen` the end could not be observed.

    `run` is the run's id, for what may be done next.
    """

    run: str
    approval: Approval
    safety_snapshot: str
    steps: tuple[StepResult, ...]
    checks: tuple[Check, ...] = ()
    seen: Seen | None = None
    others: tuple[Fingerprints, ...] = ()
    configuration_problem: str = ""
    back: Back | None = None
