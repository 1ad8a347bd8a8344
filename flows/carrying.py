"""Carry a plan out: its configuration, its services, its proof; or go back to how it was before."""

from typing import Any, Literal, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from flows.steps import prove, told
from reversion.conclusion import is_restored
from reversion.environment import Observation
from reversion.errors import HeldBack, HostUnreachable, RunInterrupted
from reversion.operations.restoring import Restorer
from reversion.operations.reviewing import Way
from reversion.outcome import Approval, Back, Check, StepResult
from reversion.plan import Plan, Step
from reversion.text import Value
from tasks.resolve import way_back
from tasks.restore import configure, restore
from tasks.settings import workspace

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Failing = Literal["failed", "unreachable", "interrupted", "not started"]


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
    steps = restore_services(plan, found, approval)
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
    return Back(steps=restore_services(way.plan, way.found))


def restore_services(plan: Plan, found: Observation, approval: Approval | None = None) -> tuple[StepResult, ...]:
    """Restore every service that is not there already and not left out, each as soon as those before it are proven.

    What an earlier attempt at the run has done is done again only where that was not found any more.
    """
    right = {step.service for step in plan.steps if found.running(step.service).version == step.version}
    there = frozenset(step.service for step in plan.steps if step.is_there and step.service in right)
    left_out = frozenset(approval.leave_out if approval else ()) - right
    wanted = [step for step in plan.steps if step.service not in there | left_out]
    task = with_retries(restore, plan)
    anew = task.with_options(refresh_cache=True)
    futures: dict[str, PrefectFuture[StepResult]] = {}
    with Restorer(workspace(plan.head_commit), plan, there | left_out) as through, _waiting_room(len(wanted)) as room:
        for step in wanted:
            futures[step.service] = room.submit(
                task if step.service in right else anew,
                {"plan": plan.digest, "service": step.service, "through": through},
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


def restore_configuration(plan: Plan, attempt: int) -> str:
    """Restore the environment's own configuration; return what went wrong, if anything."""
    state = with_retries(configure, plan)(plan, attempt, return_state=True)
    return _problem(state)


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
    failing: Failing = next((kind for error_type, kind in kinds if isinstance(error, error_type)), "failed")
    return StepResult(service=step.service, state=failing, version=step.version, message=told(error, state))


def _problem(state: State[Any]) -> str:
    return "" if state.is_completed() else told(state.result(raise_on_failure=False), state)
