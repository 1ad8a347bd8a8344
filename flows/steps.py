"""The steps of a reversion that fan out: one task run a service, a test, or another environment."""

from typing import Any, Literal, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, PrefectFutureList, wait
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from reversion.environment import Observation
from reversion.errors import HeldBack, HostUnreachable, ReversionError, RunInterrupted, TestsRed
from reversion.operations.restoring import Restorer
from reversion.operations.reviewing import Way
from reversion.outcome import Approval, Back, Check, Fingerprints, Seen, StepResult, is_restored
from reversion.plan import Plan, Step
from reversion.text import Value, plain
from tasks.observe import features_now, fingerprint
from tasks.record import record_reasons
from tasks.resolve import way_back
from tasks.restore import configure, restore
from tasks.settings import workspace
from tasks.verify import verify

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Failing = Literal["failed", "unreachable", "interrupted", "not started"]


def explain(plan: Plan) -> str:
    """Keep the commits that decide what becomes of each feature; return where, or nothing where that fails."""
    state = record_reasons(plan, return_state=True)
    return str(state.result()) if state.is_completed() else ""


def look_at_others(plan: Plan) -> tuple[Fingerprints, ...]:
    """Observe every other environment, side by side, before anything is changed."""
    return _fingerprints(plan, _look(plan, "before the restore"))


def look_again(
    plan: Plan, others: tuple[Fingerprints, ...], attempt: int
) -> tuple[Seen | None, tuple[Fingerprints, ...]]:
    """Observe all environments when all is done, side by side, and resolve the features that are there now.

    What was seen of the `others` before is carried along. None is returned where the reverted environment can't be
    observed.
    """
    own = features_now.submit(plan, attempt)
    looks = _look(plan, "after the restore" if attempt == 1 else f"after attempt {attempt}")
    wait([own])
    seen: Seen | None = own.state.result() if own.state.is_completed() else None
    return seen, tuple(old.followed_by(new) for old, new in zip(others, _fingerprints(plan, looks), strict=True))


def restore_configuration(plan: Plan, attempt: int) -> str:
    """Restore the environment's own configuration; return what went wrong, if anything."""
    state = with_retries(configure, plan)(plan, attempt, return_state=True)
    return _problem(state)


class Done(Value):
    """What was done of a plan."""

    configuration_problem: str = ""
    steps: tuple[StepResult, ...] = ()
    checks: tuple[Check, ...] = ()


def carry_out(plan: Plan, found: Observation, approval: Approval, attempt: int) -> Done:
    """Restore the configuration, then the services, then prove them: each only where all before it is right."""
    if approval.goes_back:
        return Done()
    if problem := restore_configuration(plan, attempt):
        return Done(configuration_problem=problem)
    steps = restore_services(plan, found, attempt, approval)
    return Done(steps=steps, checks=prove(plan, attempt) if is_restored(plan, steps) else ())


def go_back_if_wanted(plan: Plan, done: Done, approval: Approval, safety_snapshot: str, attempt: int) -> Back | None:
    """Go back to the safety snapshot where a person decided so, or it failed and the environment wants that then."""
    environment = workspace(plan.head_commit).product.environment(plan.environment)
    has_failed = environment.on_failure == "return" and not is_restored(plan, done.steps)
    if not (approval.goes_back or has_failed):
        return None
    state = way_back(plan, safety_snapshot, attempt, return_state=True)
    if not state.is_completed():
        return Back(problem=_problem(state))
    way: Way = state.result()
    if problem := restore_configuration(way.plan, attempt):
        return Back(problem=problem)
    return Back(steps=restore_services(way.plan, way.found, attempt))


def restore_services(
    plan: Plan, found: Observation, attempt: int, approval: Approval | None = None
) -> tuple[StepResult, ...]:
    """Restore every service that is not there already and not left out, each as soon as those before it are proven.

    A retry does again what an earlier attempt has done only where that was not found any more.
    """
    right = {step.service for step in plan.steps if found.running(step.service).version == step.version}
    there = frozenset(step.service for step in plan.steps if step.is_there and step.service in right)
    left_out = frozenset(approval.leave_out if approval else ()) - right
    wanted = [step for step in plan.steps if step.service not in there | left_out]
    task = with_retries(restore, plan)
    futures: dict[str, PrefectFuture[StepResult]] = {}
    with Restorer(workspace(plan.head_commit), plan, there | left_out) as through, _waiting_room(len(wanted)) as room:
        for step in wanted:
            futures[step.service] = room.submit(
                task,
                {
                    "plan": plan,
                    "service": step.service,
                    "attempt": 1 if step.service in right else attempt,
                    "through": through,
                },
                wait_for=[futures[name] for name in step.after if name in futures],
            )
        wait(list(futures.values()))
    return tuple(
        _left_out(step, approval)
        if approval and step.service in left_out
        else _step_result(step, futures[step.service].state)
        if step.service in futures
        else _already_there(step, found)
        for step in plan.steps
    )


def _waiting_room(tasks: int) -> ThreadPoolTaskRunner[Any]:
    """Make room for all tasks at once: they only wait for those before them, and for their share of a common run."""
    return ThreadPoolTaskRunner(max_workers=max(tasks, 1))


def _left_out(step: Step, approval: Approval) -> StepResult:
    message = f"{approval.approver} left it out: {approval.reason}"
    return StepResult(service=step.service, state="left out", version=step.version, message=message)


def _already_there(step: Step, found: Observation) -> StepResult:
    versions = {each.host: each.version for each in found.instances if each.service == step.service and each.version}
    return StepResult(service=step.service, state="already there", version=step.version, versions=versions)


def with_retries(task: Task[Parameters, Result], plan: Plan) -> Task[Parameters, Result]:
    """Give a task the retries that the environment asks for."""
    environment = workspace(plan.head_commit).product.environment(plan.environment)
    return task.with_options(retries=environment.restore_retries, retry_delay_seconds=environment.retry_delay)


def prove(plan: Plan, attempt: int) -> tuple[Check, ...]:
    """Run the plan's production tests, side by side, each with its own retries."""
    tests = workspace(plan.head_commit).product.production_tests
    futures = {
        name: verify.with_options(retries=tests[name].retries).submit(plan, name, attempt) for name in plan.checks
    }
    wait(list(futures.values()))
    return tuple(_check(name, future.state) for name, future in futures.items())


def _others(plan: Plan) -> list[str]:
    product = workspace(plan.head_commit).product
    return [other.name for other in product.others(product.environment(plan.environment))]


def _look(plan: Plan, moment: str) -> PrefectFutureList[Fingerprints]:
    """Begin to observe every other environment."""
    return fingerprint.map(_others(plan), moment, plan.head_commit)


def _fingerprints(plan: Plan, looks: PrefectFutureList[Fingerprints]) -> tuple[Fingerprints, ...]:
    found = looks.result(raise_on_failure=False)
    return tuple(_fingerprint(name, each) for name, each in zip(_others(plan), found, strict=True))


def _fingerprint(name: str, found: object) -> Fingerprints:
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
    kinds: tuple[tuple[type[Exception], Failing], ...] = (
        (HostUnreachable, "unreachable"),
        (RunInterrupted, "interrupted"),
        (HeldBack, "not started"),
    )
    told: Failing = next((kind for error_type, kind in kinds if isinstance(error, error_type)), "failed")
    return StepResult(service=step.service, state=told, version=step.version, message=_told(error, state))


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
