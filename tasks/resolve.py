"""Resolve a tag into a plan, and make sure later that the plan still holds."""

from reversion.environment import Observation
from reversion.operations import reviewing
from reversion.operations.reviewing import Way
from reversion.plan import Plan
from tasks.settings import kept, retry_if_unreachable, workspace


@kept(
    task_run_name="Plan {environment} back to {snapshot}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=retry_if_unreachable,
)
def resolve(environment: str, snapshot: str) -> Plan:
    return reviewing.review(workspace(), environment, snapshot)


@kept(task_run_name="Confirm that the plan still holds")
def confirm(plan: Plan, attempt: int) -> Observation:
    """Observe again; each attempt at the run looks anew, since time has passed."""
    return reviewing.confirm(workspace(plan.head_commit), plan, is_retry=attempt > 1)


@kept(task_run_name="Plan the way back to {safety_snapshot}")
def way_back(plan: Plan, safety_snapshot: str, attempt: int) -> Way:  # noqa: ARG001  each attempt at the run looks anew
    return reviewing.way_back(workspace(plan.head_commit), plan, safety_snapshot)
