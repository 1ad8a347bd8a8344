"""The outcome: the verdict folded from steps and checks. Pure."""

from enum import StrEnum
from typing import Literal

from reversion.text import Value


class StepResult(Value):
    """What became of one step. `versions` maps host to the version seen after the restore."""

    service: str
    state: Literal["restored", "already there", "failed", "unreachable", "not started"]
    version: str
    message: str = ""
    versions: dict[str, str] = {}
    seconds: float = 0.0


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


class Verdict(StrEnum):
    """How a reversion ended; also the name of the flow run's final state."""

    PROVEN = "Proven"
    TESTS_FAILED = "Tests failed"
    RESTORE_FAILED = "Restore failed"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    VOID = "Void"
    REFUSED = "Refused"
