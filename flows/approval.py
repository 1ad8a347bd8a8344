"""Ask for the approval: the run suspends, its form is the review, and silence means no."""

from enum import Enum
from typing import Any, Literal

from prefect import suspend_flow_run
from prefect.events import emit_event
from prefect.exceptions import Pause
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from pydantic import Field, ValidationError, create_model

from reversion.errors import PlanVoid, Refused
from reversion.history import WAITS
from reversion.outcome import Approval, WayOn
from reversion.plan import Plan
from reversion.product import Environment
from reversion.text import counted, markdown, plain
from tasks.admit import approval_key
from tasks.settings import workspace


class Decision(Enum):
    """Approve, or reject: then nothing is changed."""

    approve = "approve"
    reject = "reject"


class _Form(RunInput):
    decision: Decision = Field(title="Decision")


def ask(plan: Plan, review: str, *, asked: str, stopped: str, left: str) -> Approval:
    """Suspend the run until a person decides on exactly this plan; when nobody does in time, the server fails it.

    `review` is the plan as its form shows it, `asked` the reason that the reversion was asked for with. `stopped`
    says how an earlier attempt at the run failed: then services may be left out, or the way back be chosen; `left`
    says how the environment is where nothing comes of this.

    Raise PlanVoid where the answer was given to another plan, or leaves warnings unacknowledged; Refused where the
    run was set going without one.
    """
    environment = workspace(plan.head_commit).product.environment(plan.environment)
    shown = f"**It stopped:** {markdown(stopped, 4000)}\n\n{review}" if stopped else review
    form = _form(plan, environment, may_leave_out=bool(stopped)).with_initial_data(description=shown)
    again = f"{left} Start the reversion again."
    try:
        answer = suspend_flow_run(wait_for_input=form, timeout=environment.approval_timeout, key=approval_key())
    except Pause:
        _tell_that_it_waits()
        raise
    except ValidationError as error:
        raise Refused("Somebody set the run going without an answer to its question.", again) from error
    assert answer is not None  # noqa: S101  a form was asked for
    given: dict[str, Any] = answer.model_dump(mode="json")
    if given["plan"] != plan.digest[:12]:
        raise PlanVoid("The approval was given to another plan.", again)
    if len(plain(given["approver"], 100)) < 2:
        raise PlanVoid("The approval has no name.", again)
    if plan.warnings and given["decision"] == "approve" and not given["acknowledge_warnings"]:
        raise PlanVoid(
            "The plan has warnings and they were not acknowledged.",
            again,
        )
    if given.get("leave_out") and not plain(given["reason"], 1000):
        raise PlanVoid("Services were to be left out, but nobody said why.", again)
    return Approval(
        decision=given["decision"],
        approver=plain(given["approver"], 100),
        reason=plain(given["reason"], 1000),
        asked=plain(asked, 1000),
        digest=plan.digest,
        leave_out=tuple(given.get("leave_out", ())),
        goes_back=given.get("way") == WayOn.back.value,
    )


def _tell_that_it_waits() -> None:
    """Say in an event that the run is silent from now on, behind its last sign of life.

    What Prefect itself tells of the new state may be heard before that, and then the silence looks like a death.
    """
    emit_event(
        WAITS,
        {"prefect.resource.id": f"prefect.flow-run.{flow_run.id}", "prefect.resource.name": str(flow_run.name)},
        related=[
            {"prefect.resource.id": f"prefect.deployment.{deployment.id}", "prefect.resource.role": "deployment"}
        ],
    )


def _form(plan: Plan, environment: Environment, *, may_leave_out: bool) -> type[_Form]:
    """Build the form's model: its fields depend on who may approve and on whether there are warnings."""
    digest = plan.digest[:12]
    approver: Any = Literal[environment.approvers] if environment.approvers else str
    fields: dict[str, Any] = {
        "approver": (approver, Field(title="Your name", min_length=None if environment.approvers else 2)),
        "reason": (str, Field(default="", title="Reason or ticket")),
        "plan": (
            Literal[digest],
            Field(default=digest, title="Plan (fixed)", description="The approval holds for this plan only."),
        ),
    }
    if plan.warnings:
        fields["acknowledge_warnings"] = (
            bool,
            Field(
                default=False,
                title="I have read the warnings",
                description=f"{counted(len(plan.warnings), 'warning')} above.",
            ),
        )
    if may_leave_out:
        fields["way"] = (WayOn, Field(default=WayOn.on, title="Which way"))
        fields["leave_out"] = (
            list[Literal[tuple(step.service for step in plan.steps)]],  # type: ignore[misc]  # known only here
            Field(default=[], title="Leave out", description="Services to leave as they are; give the reason above."),
        )
    return create_model("Approval", __base__=_Form, **fields)
