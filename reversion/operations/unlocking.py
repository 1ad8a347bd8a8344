"""Break the lock of an environment: end the run that has it, free the lock, and keep who did that and why."""

import time

from reversion.adapters import run_rows as rows
from reversion.adapters.locks import Locks
from reversion.adapters.prefect_api import PrefectApi
from reversion.adapters.rundir import end_left_runs
from reversion.adapters.runs import Runs
from reversion.holds import Reason
from reversion.locks import Occupant, has_passed_on, require_breakable, sentence

_PATIENCE = 75.0
"""Seconds that a worker has for ending a run: it gives the run's process half a minute."""


def unlock(api: PrefectApi, product: str, environment: str, given: Reason, *, force: bool) -> str:
    """Free the environment; return the sentence that the history keeps.

    Raise Refused where there is nothing to free, or where its run lives and nobody said `force`: that run is
    cancelled first, so that nothing goes on changing hosts.
    """
    locks = Locks(api, product)
    lock = locks.look(environment)
    require_breakable(lock, force)
    run = lock.occupant
    what = _cancel(api, run) if run and run.is_alive else ""
    end_left_runs()
    if not has_passed_on(lock, locks.look(environment)):
        locks.renew(environment)
    told = sentence(lock, given.by, given.reason, what)
    parameters = {"environment": environment, "reason": given.reason, "by": given.by, "run": run.run if run else ""}
    locks.keep(environment, told, parameters)
    return told


def _cancel(api: PrefectApi, run: Occupant) -> str:
    """Have the run's worker end it, or, where no worker does, call it cancelled; tell what was done."""
    api.ask(f"/flow_runs/{run.run}/set_state", {"state": {"type": "CANCELLING"}})
    if _has_ended(Runs(api), run.run):
        return "The run was cancelled."
    order = {"state": {"type": "CANCELLED", "message": "Its lock was broken; no worker ended it."}, "force": True}
    rows.parse(rows.Orchestrated, api.ask(f"/flow_runs/{run.run}/set_state", order))
    return "The run was called cancelled, but no worker ended it: make sure that its machine does nothing any more."


def _has_ended(runs: Runs, run: str) -> bool:
    end = time.monotonic() + _PATIENCE
    while not (is_final := runs.status(run).state.is_final) and time.monotonic() < end:
        time.sleep(1)
    return is_final
