"""The steps of a reversion that fan out: one task run a service, a test, or another environment."""

from typing import Any, Literal, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFutureList, wait

from reversion.errors import ReversionError, TestsRed
from reversion.outcome import Check, Fingerprints, Seen
from reversion.plan import Plan
from reversion.text import plain
from tasks.observe import features_now, fingerprint
from tasks.record import record_reasons
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


def _check(name: str, state: State[Any]) -> Check:
    found = state.result(raise_on_failure=False)
    if isinstance(found, Check):
        return found
    if isinstance(found, TestsRed) and isinstance(found.check, Check):
        return found.check
    return Check(name=name, passed=False, message=told(found, state))


def told(error: object, state: State[Any]) -> str:
    """Return why a task failed, in our own words where there are any."""
    return error.message if isinstance(error, ReversionError) else state.message or "it ended without a reason"
