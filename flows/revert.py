"""Take one environment, and only that one, back to a snapshot: tag, plan, approval, steps, checks, outcome."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.approval import ask
from flows.ending import ended, rejected, with_refusals_named
from flows.steps import look_at_others, prove, restore_configuration, restore_services
from reversion.outcome import Findings, conclude
from tasks.admit import admit, occupied
from tasks.observe import features_now
from tasks.record import publish, record_approval, record_outcome, record_plan
from tasks.resolve import confirm, resolve
from tasks.settings import workspace
from tasks.tag import tag_safety


@flow(
    name="revert",
    flow_run_name="revert {environment} to {snapshot}",
    persist_result=True,
    task_runner=ThreadPoolTaskRunner(max_workers=4),
)
@with_refusals_named
def revert(environment: str, snapshot: str = "latest-verified", reason: str = "") -> State[Any]:
    """Take one environment back to a stable snapshot, after an approval, and prove it with the production tests.

    Args:
        environment: The environment to take back; no other one is touched.
        snapshot: The snapshot's tag, or latest-verified.
        reason: Why, for the history: a ticket, an alert.
    """
    admit(environment, snapshot)
    plan = resolve(environment, snapshot)
    record_plan(plan)
    product = workspace().product
    approval = ask(plan, product.environment(environment))
    record_approval(plan, approval)
    if approval.decision == "reject":
        return rejected(plan, approval)
    with occupied(plan.product, environment):
        confirm(plan)
        safety_snapshot = tag_safety(plan, flow_run.get_id())
        before = look_at_others(product, plan, "before")
        problem = restore_configuration(plan)
        steps = () if problem else restore_services(plan)
        features = features_now(plan)
        publish(plan.product, environment, features)
        checks = prove(plan) if all(step.is_proven for step in steps) and not problem else ()
        after = look_at_others(product, plan, "after")
    findings = Findings(
        approval=approval, safety_snapshot=safety_snapshot, steps=steps, checks=checks,
        others=tuple(b.model_copy(update={"after": a.before, "problem": b.problem or a.problem}) for b, a in zip(before, after, strict=True)),
        features=features, configuration_problem=problem,
    )
    outcome = conclude(plan, findings)
    record_outcome(outcome)
    return ended(outcome)
