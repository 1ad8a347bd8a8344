"""Verify: run one production test from the snapshot's tree."""

from reversion.errors import TestsRed
from reversion.operations import verifying
from reversion.outcome import Check
from reversion.plan import Plan
from tasks.settings import kept, say, workspace


@kept(task_run_name="Production test {name}")
def verify(plan: Plan, name: str, attempt: int) -> Check:  # noqa: ARG001  each attempt at the run tests anew
    """Return the check when it passed; raise TestsRed, with the check, so that the test's own retries apply."""
    opened = workspace(plan.head_commit)
    environment = opened.product.environment(plan.environment)
    check = verifying.verify(opened, environment, opened.product.production_tests[name], plan.snapshot_commit)
    for line in check.output.splitlines():
        say(line)
    if not check.passed:
        raise TestsRed(
            f"The production test {name} failed: {check.message}.", "Its output is in this task's log.", check
        )
    return check
