"""The steps of a reversion that fan out: one task run a service, a test, or another environment."""

from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.futures import wait
from prefect.tasks import Task

from reversion.errors import HostUnreachable, ReversionError, TestsRed
from reversion.outcome import Check, Fingerprints, Seen, StepResult
from reversion.plan import Plan, Step
from reversion.text import plain
from tasks.observe import features_now, fingerprint
from tasks.record import publish
from tasks.restore import configure, restore
from tasks.settings import workspace
from tasks.verify import verify

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def look_at_others(plan: Plan, before: tuple[Fingerprints, ...] = ()) -> tuple[Fingerprints, ...]:
    """Observe every other environment, side by side; what was seen `before` is carried along."""
    product = workspace(plan.head_commit).product
    names = [other.name for other in product.others(product.environment(plan.environment))]
    found = fingerprint.map(names, "after" if before else "before", plan.head_commit).result(raise_on_failure=False)
    now = [_fingerprints(name, each) for name, each in zip(names, found, strict=True)]
    return tuple(old.followed_by(new) for old, new in zip(before, now, strict=True)) if before else tuple(now)


def restore_configuration(plan: Plan) -> str:
    """Restore the environment's own configuration; return what went wrong, if anything."""
    state = with_retries(configure, plan)(plan, return_state=True)
    return _problem(state)


def restore_services(plan: Plan) -> tuple[StepResult, ...]:
    """Restore every service, each as soon as those before it are proven."""
    task = with_retries(restore, plan)
    futures: dict[str, Any] = {}
    for step in plan.steps:
        futures[step.service] = task.submit(
            plan, step.service, return_state=False, wait_for=[futures[name] for name in step.after]
        )
    wait(list(futures.values()))
    return tuple(_step_result(step, futures[step.service].state) for step in plan.steps)


def with_retries(task: Task[Parameters, Result], plan: Plan) -> Task[Parameters, Result]:
    """Give a task the retries that the environment asks for."""
    environment = workspace(plan.head_commit).product.environment(plan.environment)
    return task.with_options(retries=environment.restore_retries, retry_delay_seconds=environment.retry_delay)


def look_again(plan: Plan) -> Seen | None:
    """Observe what runs now, resolve the features that makes, and publish them; None where that fails."""
    state = features_now(plan, return_state=True)
    if not state.is_completed():
        return None
    seen: Seen = state.result()
    publish(plan.product, plan.environment, seen.features, return_state=True)
    return seen


def prove(plan: Plan) -> tuple[Check, ...]:
    """Run the plan's production tests, side by side, each with its own retries."""
    tests = workspace(plan.head_commit).product.production_tests
    futures = {name: verify.with_options(retries=tests[name].retries).submit(plan, name) for name in plan.checks}
    wait(list(futures.values()))
    return tuple(_check(name, future.state) for name, future in futures.items())


def _fingerprints(name: str, found: object) -> Fingerprints:
    if isinstance(found, Fingerprints):
        return found
    return Fingerprints(environment=name, before="", after="", problem=plain(f"could not be observed: {found}"))


def _step_result(step: Step, state: State[Any]) -> StepResult:
    if state.is_completed():
        result: StepResult = state.result()
        return result
    if not state.is_final():
        return StepResult(
            service=step.service,
            state="not started",
            version=step.version,
            message=f"waits for {', '.join(step.after)}",
        )
    error = state.result(raise_on_failure=False)
    return StepResult(
        service=step.service,
        state="unreachable" if isinstance(error, HostUnreachable) else "failed",
        version=step.version,
        message=_told(error, state),
    )


def _check(name: str, state: State[Any]) -> Check:
    found = state.result(raise_on_failure=False)
    if isinstance(found, Check):
        return found
    if isinstance(found, TestsRed) and isinstance(found.check, Check):
        return found.check
    return Check(name=name, passed=False, message=_told(found, state))


def _problem(state: State[Any]) -> str:
    return "" if state.is_completed() else _told(state.result(raise_on_failure=False), state)


def _told(error: object, state: State[Any]) -> str:
    return error.message if isinstance(error, ReversionError) else state.message or "it ended without a reason"
