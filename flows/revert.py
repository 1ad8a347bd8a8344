"""Take one environment, and only that one, back: plan, approval, steps, checks, outcome."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.approval import ask
from flows.carrying import carry_out, go_back_if_wanted
from flows.ending import ended, rejected, with_refusals_named
from flows.steps import explain, look_again, look_at_others
from reversion.conclusion import conclude
from reversion.outcome import Findings, as_left
from tasks.admit import admit, attempt, occupied
from tasks.choices import refresh_choices
from tasks.hold import hold_off
from tasks.record import publish, record_approval, record_outcome, record_plan, stopped
from tasks.resolve import confirm, resolve
from tasks.tag import safety_before, tag_safety


@flow(
    name="revert",
    flow_run_name="revert {environment} to {snapshot}",
    persist_result=True,
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]  # Prefect's own generic is too narrow
)
@with_refusals_named
def revert(environment: str, snapshot: str = "latest-verified", reason: str = "") -> State[Any]:
    """Take one environment back to a snapshot, after an approval, and prove it with the production tests.

    Args:
        environment: The environment to take back; no other one is touched.
        snapshot: The snapshot's tag, or latest-verified.
        reason: Why, for the history: a ticket, an alert.
    """
    tried = attempt()
    admit(environment, snapshot, tried)
    plan = resolve(environment, snapshot)
    review = record_plan(plan, reason, explain(plan))
    run, before = str(flow_run.get_id()), safety_before(plan) if tried > 1 else ""
    left = as_left(environment, run, before)
    approval = ask(plan, review, asked=reason, stopped=stopped(plan) if tried > 1 else "", left=left)
    record_approval(plan, approval)
    if approval.decision == "reject":
        return rejected(plan, approval, left, before)
    with occupied(plan.product, environment):
        found = confirm(plan, tried)
        safety_snapshot = tag_safety(plan, found, run)
        hold_off(plan, tried, return_state=True)
        others = look_at_others(plan)
        done = carry_out(plan, found, approval, tried)
        back = go_back_if_wanted(plan, done, approval, safety_snapshot, tried)
        seen, others = look_again(plan, others, tried)
    outcome = conclude(
        plan,
        Findings(
            run=run,
            approval=approval,
            safety_snapshot=safety_snapshot,
            seen=seen,
            others=others,
            back=back,
            **dict(done),
        ),
    )
    record_outcome(outcome, return_state=True)
    publish(environment, outcome.features, return_state=True)
    refresh_choices(return_state=True)
    return ended(outcome)
