"""Restore: the environment's configuration, then each service."""

from reversion.operations import restoring
from reversion.outcome import StepResult
from reversion.plan import Plan
from tasks.settings import kept, retry_if_unreachable, say, workspace


@kept(task_run_name="Restore the configuration", retry_condition_fn=retry_if_unreachable)
def configure(plan: Plan, attempt: int) -> None:  # noqa: ARG001  each attempt at the run does it anew
    restoring.configure(workspace(plan.head_commit), plan, say)


@kept(task_run_name="Restore {service}", retry_condition_fn=retry_if_unreachable)
def restore(plan: Plan, service: str, attempt: int) -> StepResult:  # noqa: ARG001  see restore_services
    return restoring.restore(workspace(plan.head_commit), plan, service, say)
