"""Restore: the environment's configuration, then each service."""

from prefect.runtime import task_run

from reversion.operations import restoring
from reversion.operations.restoring import Restorer
from reversion.outcome import StepResult
from reversion.plan import Plan
from tasks.settings import kept, retry_if_unreachable, say, say_from_anywhere, workspace


@kept(task_run_name="Restore the configuration", retry_condition_fn=retry_if_unreachable)
def configure(plan: Plan, attempt: int) -> None:  # noqa: ARG001  each attempt at the run does it anew
    restoring.configure(workspace(plan.head_commit), plan, say)


@kept(task_run_name="Restore {service}", whatever="through", retry_condition_fn=retry_if_unreachable)
def restore(plan: str, service: str, through: Restorer) -> StepResult:  # noqa: ARG001  the plan parts two results
    """Restore one service through what restores those that are ready together in one run of Ansible.

    `plan` is the plan's digest: Prefect looks through all that a task gets, and hundreds get the same plan.
    """
    is_last_try = int(task_run.get_run_count()) > through.retries
    return through.restore(service, say_from_anywhere(), is_last_try=is_last_try)
