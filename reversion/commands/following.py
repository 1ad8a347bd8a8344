"""Follow one run from a terminal: tell what happens, and ask for the approval when it waits for one."""

import re
import time
from collections.abc import Callable
from datetime import datetime

from reversion.adapters.approvals import Approvals
from reversion.adapters.runs import Runs
from reversion.commands.printing import note, print_markdown
from reversion.errors import InvalidInput, Refused, ServerFailed
from reversion.history import Answer, Moment, Review, RunRecord, TaskRun, how_to_answer

Ask = Callable[[Review, Callable[[], bool]], Answer | None]
"""Gets the answer to a review; None when it was answered elsewhere, as the function given to it tells."""

_INTERVAL = 1.0
_PATIENCE = 120.0
_NO_WORKER = 45.0
_QUIET = ("Cached", "NotReady")
_RAISED = re.compile(r"Task run encountered an exception (\w+): ")
_ENDING = {each.__name__ for base in (InvalidInput, Refused) for each in (base, *base.__subclasses__())}
"""Errors that end a run at once, so that its result tells them too."""


class Follower:
    """Looks at one run again and again and tells only what is new, or newer than `since`."""

    def __init__(self, runs: Runs, run_id: str, since: datetime | None = None) -> None:
        self._runs = runs
        self._run_id = run_id
        self._since = since
        self._told: dict[str, str] = {}
        self._heard = self._begun = time.monotonic()

    def look(self) -> RunRecord | None:
        """Tell what is new and return the run; None while the server is away, which may take two minutes."""
        try:
            run = self._runs.status(self._run_id)
            tasks = self._runs.tasks(self._run_id)
        except ServerFailed as error:
            if time.monotonic() - self._heard > _PATIENCE:
                raise
            self._once("server", error.message, f"{error.message} Trying again for two minutes.")
            return None
        self._heard = time.monotonic()
        for task in tasks:
            self._step(task)
        self._once("run", f"{run.state.told}{run.state.at}", _line(run.state.at, run.told))
        if run.state.kind == "SCHEDULED" and self._heard - self._begun > _NO_WORKER:
            self._once("worker", "", "No worker takes the run. Is one running? 'reversion serve' runs one.")
        return run

    def _step(self, task: TaskRun) -> None:
        state = task.state
        if state.name in _QUIET or not (state.kind == "RUNNING" or state.is_final or _is_retry(state)):
            return
        if self._since and state.at and state.at <= self._since:
            return
        told = {"COMPLETED": f"done in {task.seconds:.1f} s", "RUNNING": "..."}.get(state.kind, state.name)
        why = _why(state) if state.kind in ("FAILED", "CRASHED") or _is_retry(state) else ""
        self._once(task.id, f"{state.kind}{state.name}", _line(state.at, f"  {task.name} {told}{why}"))

    def _once(self, subject: str, what: str, line: str) -> None:
        if self._told.get(subject) != what:
            self._told[subject] = what
            note(line)


def follow(approvals: Approvals, run_id: str, ask: Ask | None, since: datetime | None = None) -> RunRecord:
    """Follow a run to its end, telling nothing that it did before `since`.

    Where `ask` is None, an approval is only pointed at and waited for.
    """
    follower = Follower(approvals.runs, run_id, since)
    asked: datetime | None = None
    while True:
        run = follower.look()
        if run and run.state.is_final:
            return run
        if run and run.state.is_waiting and run.state.at != asked:
            asked = run.state.at
            _decide(approvals, run, follower, ask)
        else:
            time.sleep(_INTERVAL)


def _decide(approvals: Approvals, run: RunRecord, follower: Follower, ask: Ask | None) -> None:
    try:
        review = approvals.review(run.id)
    except Refused:
        return
    print_markdown(review.text)
    if ask is None:
        told = how_to_answer(run.id, run.page, acknowledge=review.asks_acknowledgement)
        note(f"It waits for an answer: {told}")
        return
    note(f"Answer here or in the browser: {run.page}")

    def is_waiting() -> bool:
        seen = follower.look()
        return seen is None or seen.state.is_waiting

    while (answer := ask(review, is_waiting)) is not None:
        try:
            approvals.answer(review, answer)
        except InvalidInput as error:
            note(str(error))
            if not getattr(ask, "may_ask_again", False):
                raise
            continue
        except Refused as error:
            note(str(error))
        return


def _why(state: Moment) -> str:
    raised = _RAISED.match(state.message)
    if raised and raised.group(1) in _ENDING:
        return ""
    return f": {_RAISED.sub('', state.message)}"


def _is_retry(state: Moment) -> bool:
    return state.name in ("AwaitingRetry", "Retrying")


def _line(at: datetime | None, text: str) -> str:
    return f"{at.astimezone().strftime('%H:%M:%S') if at else '        '}  {text}"
