"""Locks: which run has an environment to itself, and whether its lock may be broken. Pure."""

from datetime import datetime
from typing import Literal

from reversion.errors import Refused
from reversion.history import Moment
from reversion.text import Value


class Occupant(Value):
    """A run that has an environment, or is about to. `by` is who approved it; empty where nobody has."""

    run: str
    name: str
    state: Moment
    since: datetime | None = None
    by: str = ""
    page: str = ""

    @property
    def is_alive(self) -> bool:
        """Tell whether the run may still be changing something."""
        return not self.state.is_final and not self.state.is_waiting


class Lock(Value):
    """One environment's lock. *At work*: a run is under way that has not taken the lock, or has left it."""

    environment: str
    word: Literal["free", "held", "at work", "waits for approval", "missing"]
    occupant: Occupant | None = None

    @property
    def keeps_off(self) -> str:
        """Say which run nothing may be deployed beside; empty where none.

        From its approval on a reversion has the environment, also in the moments before it has the lock. One that
        only plans, or waits for approval, has not: what is deployed then makes its plan void.
        """
        run = self.occupant
        if self.word != "held" and not (self.word == "at work" and run and run.by):
            return ""
        who = f"Run {run.run[:8]} ({run.name}, '{run.state.told}')" if run else "A run that left no word"
        return f"{who} has {self.environment} to itself."


def lock_of(environment: str, slots: int | None, holder: Occupant | None, under_way: tuple[Occupant, ...]) -> Lock:
    """Fold what the server knows: slots taken (None: there is no such lock), who said last that it took the lock,
    and the runs that have begun and not ended, oldest first.
    """
    alive = next((run for run in under_way if run.is_alive), None)
    if slots is None:
        return Lock(environment=environment, word="missing", occupant=alive)
    if slots:
        return Lock(environment=environment, word="held", occupant=holder or alive)
    if alive:
        return Lock(environment=environment, word="at work", occupant=alive)
    if under_way:
        return Lock(environment=environment, word="waits for approval", occupant=under_way[0])
    return Lock(environment=environment, word="free")


def require_breakable(lock: Lock, force: bool) -> None:
    """Raise Refused where there is nothing to break, or where its run lives and nobody said `force`."""
    run = lock.occupant
    if lock.word == "waits for approval" and run:
        raise Refused(
            f"{lock.environment} is not locked: run {run.run[:8]} ({run.name}) waits for approval.",
            f"Answer it: reversion approve {run.run[:8]}, or reversion reject {run.run[:8]}",
        )
    if lock.word == "free":
        raise Refused(f"{lock.environment} is not locked.", "'reversion locks' shows all locks.")
    if run and run.is_alive and not force:
        raise Refused(
            f"Run {run.run[:8]} ({run.name}) is at work on {lock.environment}: '{run.state.told}'.",
            "Wait for it. To cancel it and leave the environment as it then is: --force",
        )


def has_passed_on(before: Lock, now: Lock) -> bool:
    """Tell whether another run than before has the lock by now."""
    if now.word != "held" or now.occupant is None:
        return False
    return before.occupant is None or before.occupant.run != now.occupant.run


class Broken(Value):
    """A lock that somebody broke, as the history has it. `told` is the sentence that was kept."""

    id: str
    environment: str
    at: datetime
    told: str
    page: str = ""


def sentence(lock: Lock, by: str, reason: str, what: str) -> str:
    """Tell the breaking of a lock; `what` says what became of its run."""
    run = lock.occupant
    held = f", which run {run.run[:8]} ({run.name}, '{run.state.told}') had" if run else ""
    return f"{by} broke the lock of {lock.environment}{held}: {reason}.{f' {what}' if what else ''}"
