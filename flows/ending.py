"""How runs end: in a state named after the outcome, with what is where and what to do next in its message."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from reversion import report
from reversion.errors import InvalidInput, PlanVoid, Refused, ReversionError
from reversion.outcome import Approval, Outcome, Verdict
from reversion.plan import Plan
from tasks.record import record_end

Parameters = ParamSpec("Parameters")


def ended(outcome: Outcome) -> State[Any]:
    """Return the run's final state for its outcome: only what was proven is a success."""
    form = Completed if outcome.verdict in (Verdict.PROVEN, Verdict.PROVEN_IN_PART) else Failed
    return form(name=outcome.verdict.value, message=outcome.message)


def rejected(plan: Plan, approval: Approval, left: str, safety_snapshot: str) -> State[Any]:
    """End a run that its approver rejected; `left` says how that leaves the environment.

    The `safety_snapshot` of an earlier attempt stays in the record, so that the run can be undone.
    """
    what = "the retry" if safety_snapshot else "it"
    message = f"{approval.approver} rejected {what}: {approval.reason or 'no reason given'}. {left}"
    record_end(report.decided(plan, approval, Verdict.REJECTED.value, message, safety_snapshot))
    return Cancelled(name=Verdict.REJECTED.value, message=message)


def with_refusals_named(
    function: Callable[Parameters, State[Any]],
) -> Callable[Parameters, State[Any]]:
    """End the run in a named state where Reversion says no, instead of with a traceback.

    Refused and wrong input end as Cancelled, a void plan as Void; what the world outside failed at ends as Failed.
    """

    @functools.wraps(function)
    def named(*arguments: Parameters.args, **options: Parameters.kwargs) -> State[Any]:
        try:
            return function(*arguments, **options)
        except PlanVoid as error:
            return Cancelled(name=Verdict.VOID.value, message=str(error))
        except (Refused, InvalidInput) as error:
            return Cancelled(name=Verdict.REFUSED.value, message=str(error))
        except ReversionError as error:
            return Failed(name="Failed", message=str(error))

    return named
