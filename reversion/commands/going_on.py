"""`reversion retry` and `resume`: let a run that broke go on with the same plan."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from reversion.adapters.approvals import Approvals
from reversion.commands.connecting import connect
from reversion.commands.printing import note
from reversion.commands.starting import (
    Options,
    back_option,
    check_reason,
    follow_to_end,
    say_who_answers,
    with_start_options,
    without_option,
)
from reversion.errors import Refused
from reversion.history import UNHEARD, RunRecord
from reversion.operations.workspace import open_workspace
from reversion.outcome import Verdict

_CAN_GO_ON = (Verdict.RESTORE_FAILED, Verdict.TESTS_FAILED, Verdict.RETURNED, "Failed", "Crashed", "Cancelled")
_SETTLED = 60.0
"""Seconds after which Prefect has reported a crash also the second time, which would end a retry."""

_HEARD = 3.0
"""Seconds in which the server has heard that a run waits to be set going."""

_TAKEN = 20.0
"""Seconds in which a worker has surely taken a run that was set going, or is away."""


@click.command("retry")
@click.argument("run")
@with_start_options
@without_option
@back_option
@click.pass_obj
def retry_command(product: str, /, run: str, reason: str, **options: Any) -> int:
    """Let RUN, which broke, go on with the same plan when the cause is mended; it asks for approval again.

    It may leave services out, or go back to how it was before it began.
    """
    chosen = Options(**options)
    check_reason(chosen.leave_out, reason)
    approvals, ended = _find(product, run)
    approvals.runs.retry(ended.id)
    note(f"Run {ended.id[:8]} goes on: {ended.environment} to {ended.snapshot}")
    say_who_answers(approvals, ended.id, chosen)
    return follow_to_end(approvals, ended.id, chosen, reason=reason or ended.asked, since=ended.state.at)


@click.command("resume")
@click.argument("run")
@with_start_options
@click.pass_obj
def resume_command(product: str, /, run: str, reason: str, **options: Any) -> int:
    """Let RUN, which crashed or failed, go on from the first service that is not proven, with the approval it has."""
    chosen = Options(**options)
    approvals, ended = _find(product, run)
    approvals.runs.retry(ended.id, keep_approval=True)
    note(f"Run {ended.id[:8]} goes on with its approval: {ended.environment} to {ended.snapshot}")
    if ended.told == "Crashed" and approvals.runs.crashes_untaken(ended.id, ended.state.at, _TAKEN):
        approvals.runs.retry(ended.id, keep_approval=True)
        note("Its crash was reported once more; it goes on again.")
    return follow_to_end(approvals, ended.id, chosen, reason=reason or ended.asked, since=ended.state.at)


def _find(product: str, run: str) -> tuple[Approvals, RunRecord]:
    """Find the run and wait until it is safe to let it go on; raise Refused where it can't."""
    workspace = open_workspace(product, refresh=False)
    approvals = connect(workspace)
    ended = approvals.runs.find(workspace.product.product, run)
    if ended.told not in _CAN_GO_ON:
        raise Refused(
            f"Run {ended.id[:8]} is '{ended.told}', so there is nothing to retry.",
            f"For a new run: reversion revert {ended.environment} {ended.snapshot}",
        )
    _let_settle(approvals, ended)
    return approvals, ended


def _let_settle(approvals: Approvals, ended: RunRecord) -> None:
    """Wait until nothing that is told of the crash can end the run's new life: a second report, or its silence.

    A run that was called dead by its silence has nobody who would report that again.
    """
    if ended.told != "Crashed" or ended.state.message == UNHEARD or ended.state.at is None:
        return
    ago = (datetime.now(UTC) - ended.state.at).total_seconds()
    if ago > 2 * _SETTLED:
        return
    approvals.runs.say_that_it_waits(ended.id)
    wait = min(max(_SETTLED - ago, _HEARD), _SETTLED)
    note(f"It crashed just now; waiting {wait:.0f} s until Prefect has reported all of that.")
    time.sleep(wait)
