"""How a reversion ended: the verdict and its sentence, folded from all that was learned. Pure."""

from reversion.features.values import State
from reversion.outcome import Back, Findings, Outcome, Seen, StepResult, Verdict
from reversion.plan import Plan
from reversion.text import counted


def conclude(plan: Plan, findings: Findings) -> Outcome:
    """Fold all that was learned into the verdict.

    Proven needs every step proven, every production test of the plan present and passed, and every service seen at
    its version after that. A plan without production tests can't be proven: it ends as Tests failed. With services
    that a person left out it is proven in part. Where it went back to the safety snapshot, that alone decides.
    """
    verdict = _verdict(plan, findings)
    steps = findings.steps if findings.back else as_seen(findings.steps, findings.seen)
    told = findings.model_copy(update={"steps": steps})
    return Outcome(
        verdict=verdict,
        message=_message(verdict, plan, told),
        plan=plan,
        features=told.seen.features if told.seen else (),
        **{name: value for name, value in told if name not in ("run", "seen")},
    )


def as_seen(steps: tuple[StepResult, ...], seen: Seen | None) -> tuple[StepResult, ...]:
    """Take a step's proof back where the service was not seen to run its version when all was done."""
    return tuple(_as_seen(step, seen) if step.is_proven else step for step in steps)


def _as_seen(step: StepResult, seen: Seen | None) -> StepResult:
    told = _seen_otherwise(step.service, step.version, seen)
    message = f"restored, but when all was done: {told}"
    return step.model_copy(update={"state": "failed", "message": message}) if told else step


def _seen_otherwise(service: str, version: str, seen: Seen | None) -> str:
    """Say what was seen in place of the version; empty where exactly that was seen."""
    if seen is None:
        return "it could not be observed"
    running = seen.observation.running(service)
    return "" if running.version == version else running.problem or f"it runs {' and '.join(running.versions)}"


def is_restored(plan: Plan, steps: tuple[StepResult, ...]) -> bool:
    """Tell whether every service of the plan is proven to be at the snapshot, or was left out by a person."""
    return {step.service for step in steps if step.is_settled} == {step.service for step in plan.steps}


def _verdict(plan: Plan, findings: Findings) -> Verdict:
    if findings.back:
        return Verdict.RETURNED if findings.back.is_done else Verdict.RESTORE_FAILED
    passed = {check.name for check in findings.checks if check.passed}
    is_there = is_restored(plan, as_seen(findings.steps, findings.seen))
    was_tested = is_restored(plan, findings.steps) and findings.checks
    if findings.configuration_problem or not (is_there or was_tested):
        return Verdict.RESTORE_FAILED
    if not is_there or not plan.checks or passed != set(plan.checks):
        return Verdict.TESTS_FAILED
    return Verdict.PROVEN_IN_PART if _left_out(findings) else Verdict.PROVEN


def _left_out(findings: Findings) -> tuple[str, ...]:
    return tuple(step.service for step in findings.steps if step.state == "left out")


def _message(verdict: Verdict, plan: Plan, findings: Findings) -> str:
    told = {
        Verdict.PROVEN: _proven,
        Verdict.PROVEN_IN_PART: _proven,
        Verdict.RETURNED: _returned,
        Verdict.TESTS_FAILED: _tests_failed,
        Verdict.RESTORE_FAILED: _restore_failed,
    }[verdict](plan, findings)
    changed = [other.environment for other in findings.others if not other.is_unchanged]
    if changed:
        told += f" Observed otherwise than before, or unreadable: {', '.join(changed)}."
    return told


def _proven(plan: Plan, findings: Findings) -> str:
    features = findings.seen.features if findings.seen else ()
    complete = sum(feature.state is State.COMPLETE for feature in features)
    left_out = _left_out(findings)
    approval = findings.approval
    without = (
        f"{approval.approver} left out {', '.join(left_out)} ({approval.reason}): look whether it can go live so."
    )
    return (
        f"{plan.environment} runs {plan.snapshot}: {counted(len(plan.steps) - len(left_out), 'service')} proven, "
        f"{counted(complete, 'feature')} complete, {counted(len(plan.checks), 'production test')} passed. "
        f"{without if left_out else 'It can be pushed live.'}"
    )


def _returned(plan: Plan, findings: Findings) -> str:
    why = _failures(findings) or f"{findings.approval.approver} decided so"
    return (
        f"{plan.environment} is back at {findings.safety_snapshot}, as it was before the reversion: {why}. "
        "Mend the cause, or choose another snapshot, and revert again."
    )


def _tests_failed(plan: Plan, findings: Findings) -> str:
    told = [f"{check.name}: {check.message}" for check in findings.checks if not check.passed]
    told += [changed] if (changed := _changed(plan, findings)) else []
    why = "; ".join(told) or "the environment names no production tests, so nothing is proven"
    state = "was taken back to" if changed else "runs"
    return (
        f"{plan.environment} {state} {plan.snapshot}, but it must not be pushed live: {why}. "
        f"Look at the checks, then choose another snapshot, "
        f"or go back to {findings.safety_snapshot} with 'reversion undo {findings.run[:8]}'."
    )


def _changed(plan: Plan, findings: Findings) -> str:
    """Say which services are no longer what was tested."""
    if findings.seen is None:
        return "what runs after the tests could not be observed"
    seen = {step.service: _seen_otherwise(step.service, step.version, findings.seen) for step in plan.steps}
    changed = [f"{service} ({told})" for service, told in seen.items() if told]
    return f"changed while it was tested: {', '.join(changed)}" if changed else ""


def _restore_failed(plan: Plan, findings: Findings) -> str:
    at_target = [step.service for step in findings.steps if step.is_proven]
    waiting = [step.service for step in findings.steps if step.state == "not started"]
    told = f"{plan.environment} is between two versions. Failed: {_failures(findings) or 'nothing was restored'}."
    if at_target:
        told += f" At the snapshot: {', '.join(at_target)}."
    if waiting:
        told += f" Not started: {', '.join(waiting)}."
    if findings.back:
        told += f" The way back to the safety snapshot failed too: {_failures_of(findings.back)}."
    retry = f"reversion retry {findings.run[:8]}"
    return (
        f"{told} Mend the cause on the hosts, since the playbooks are the snapshot's, "
        f"and let the run go on with '{retry}', all of it or without what fails; "
        f"or go back to {findings.safety_snapshot} with '{retry} --back'."
    )


def _failures(findings: Findings) -> str:
    told = [f"configuration: {findings.configuration_problem}"] if findings.configuration_problem else []
    return "; ".join(told + [f"{step.service}: {step.message}" for step in findings.steps if step.has_failed])


def _failures_of(back: Back) -> str:
    return back.problem or "; ".join(f"{step.service}: {step.message}" for step in back.steps if not step.is_proven)
