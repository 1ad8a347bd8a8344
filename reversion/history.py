"""The history of reversions: what Prefect kept of each run, told in words. Pure."""

from datetime import datetime

from reversion.outcome import Verdict, as_left
from reversion.report import Record
from reversion.text import Value, plain

WAITING = "Waits for approval"
WAITS = "reversion.waits"
"""The event that says of a run that it waits, for its approval or to be set going again: its silence is no death."""
UNHEARD = "Nothing was heard of this run for 90 seconds: its process or its machine died."
"""What a run is called crashed with where nobody was left to report it."""
UNANSWERED = "Nobody answered within the time."
_UNDER_WAY = {
    "SCHEDULED": "Scheduled",
    "PENDING": "Starting",
    "RUNNING": "Running",
    "CANCELLING": "Cancelling",
}
_SAID_NO = (
    Verdict.REJECTED,
    Verdict.EXPIRED,
    Verdict.VOID,
    Verdict.REFUSED,
    Verdict.TESTS_FAILED,
    Verdict.PROVEN_IN_PART,
    Verdict.RETURNED,
    "Cancelled",
)


class Moment(Value):
    """One state that a run or step was in, since when, and what it said."""

    at: datetime | None
    kind: str
    name: str
    message: str = ""

    @property
    def is_final(self) -> bool:
        return self.kind in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

    @property
    def is_waiting(self) -> bool:
        return self.kind == "PAUSED"

    @property
    def told(self) -> str:
        """Name the state in our words: a verdict where there is one, else what goes on or how it broke."""
        if self.is_waiting:
            return WAITING
        if self.kind == "FAILED" and ("never resumed" in self.message or self.message.startswith(UNANSWERED)):
            return Verdict.EXPIRED
        if self.is_final and self.name in tuple(Verdict):
            return self.name
        if self.name == "Resuming":
            return "Resuming"
        return _UNDER_WAY.get(self.kind) or plain(self.name, 40) or self.kind.capitalize()

    @property
    def exit_code(self) -> int:
        """Return 0 for proven, 1 where the job said no, 3 where it broke."""
        if self.told == Verdict.PROVEN:
            return 0
        return 1 if self.told in _SAID_NO else 3


def in_our_words(moment: Moment) -> Moment:
    """Tell a silence as what it is, where Prefect has a sentence of its own for it."""
    return moment.model_copy(update={"message": UNANSWERED}) if moment.told == Verdict.EXPIRED else moment


class RunRecord(Value):
    """One reversion. `page` is its address in the browser, `asked` the reason given when it was started.

    `record` is what it left at its end; None where it left nothing.
    """

    id: str
    name: str
    product: str = ""
    environment: str
    snapshot: str
    asked: str = ""
    state: Moment
    started: datetime | None = None
    ended: datetime | None = None
    page: str = ""
    record: Record | None = None

    @property
    def told(self) -> str:
        return self.state.told

    def explained(self, attempts: int) -> "RunRecord":
        """Add to a silence what it leaves behind after so many attempts at the run, and how to start anew."""
        if self.told != Verdict.EXPIRED:
            return self
        safety = self.record.safety_snapshot if self.record else ""
        left = as_left(self.environment, self.id, safety)
        if attempts > 1 and not safety:
            undo = f"reversion undo {self.id[:8]}"
            left = f"The retry changed nothing; what an earlier attempt changed '{undo}' takes back."
        anew = f"To start anew: reversion revert {self.environment} {self.snapshot}"
        message = f"{UNANSWERED} {left} {anew}"
        return self.model_copy(update={"state": self.state.model_copy(update={"message": message})})


class TaskRun(Value):
    """One step of a run as it stands."""

    id: str
    name: str
    state: Moment
    started: datetime | None = None
    seconds: float = 0.0


class Paper(Value):
    """One text that a run left: plan, approval, checks, outcome."""

    key: str
    text: str


class RunDetail(Value):
    """One reversion whole."""

    run: RunRecord
    states: tuple[Moment, ...]
    tasks: tuple[TaskRun, ...]
    papers: tuple[Paper, ...]


class Review(Value):
    """The question that a waiting run asks: its text, the digest of the plan it is about, who may answer.

    Where the run failed before, `may_leave_out` are the services that may be left out, and it may go back instead.
    """

    run: str
    text: str
    plan: str
    approvers: tuple[str, ...] = ()
    asks_acknowledgement: bool = False
    may_leave_out: tuple[str, ...] = ()


def how_to_answer(run: str, page: str, *, acknowledge: bool = False) -> str:
    """Name the commands that answer a run's question, and where else that can be done."""
    read = " --acknowledge" if acknowledge else ""
    return f"reversion approve {run[:8]} --as NAME{read}, or reversion reject {run[:8]} --as NAME, or at {page}"


class Answer(Value):
    """A named person's decision; see `Review` for what may be left out, and when it may go back."""

    approve: bool
    approver: str
    reason: str = ""
    acknowledge: bool = False
    leave_out: tuple[str, ...] = ()
    go_back: bool = False

    @property
    def decision(self) -> str:
        return "approve" if self.approve else "reject"


def lines_of(text: str) -> str:
    """Return a text of several lines without control characters; indentation and line ends stay."""
    return "\n".join(
        " " * (len(line) - len(line.lstrip(" "))) + plain(line, 4000) for line in text[:200_000].split("\n")
    )
