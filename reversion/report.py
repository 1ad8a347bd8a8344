"""What people read: the review, the console and the outcome, as Markdown. Pure."""

from collections.abc import Iterable, Sequence

from reversion.features.values import Change, Feature, Part, State
from reversion.outcome import Approval, Case, Check, Outcome, StepResult
from reversion.plan import Plan, Step
from reversion.text import Value, counted, markdown

ROWS = 200
"""How many rows a group of the review shows; what is left out is counted in words."""

_LOSSES = (
    ("lost", "You will lose", "no feature is lost"),
    ("made_partial", "Will be there only in part", ""),
    ("resurrected", "Comes back although it was deliberately reverted", ""),
)
_REST = (
    ("regained", "You will regain", "no feature is regained"),
    ("completed", "Will be complete again", ""),
    ("unknown", "Cannot be told", ""),
)


def review(plan: Plan, asked: str = "") -> str:
    """Write the review that the approval form, the artifact and `reversion plan` all show; `asked` is why."""
    changed = [step for step in plan.steps if step.is_needed]
    lines = [
        f"**Take {plan.environment} back to {plan.snapshot}**",
        "",
        f"Only **{plan.environment}** changes: {len(changed)} of {counted(len(plan.steps), 'service')}, "
        f"{counted(len(plan.configuration), 'configuration file')}. Nothing has been changed yet.",
        "",
        *([f"**Asked for because:** {markdown(asked, 600)}", ""] if asked else []),
        *_groups(plan, _LOSSES),
        *_warning_lines(plan.warnings),
        *_groups(plan, _REST),
    ]
    lines += [
        f"**Kept:** {counted(len(plan.comparison.kept), 'feature stays as it is', 'features stay as they are')}.",
        "",
    ]
    lines += [
        "### Services",
        "",
        *_table(("Service", "Runs", "Will run", "Way", "Hosts"), map(_step_row, plan.steps)),
    ]
    lines += _configuration_lines(plan)
    lines += [
        f"**Proof:** {', '.join(plan.checks) or 'no production tests are named'}.",
        "",
        f"Plan `{plan.digest[:12]}`.",
    ]
    return "\n".join(lines)


def console(product: str, environment: str, features: Sequence[Feature], seen: str) -> str:
    """Write the console: the features that an environment has now."""
    lines = [f"## {environment}: features of {product}", "", f"As observed {seen}.", ""]
    for state in State:
        mine = [feature for feature in features if feature.state is state]
        if mine and state is not State.ABSENT:
            lines += [f"### {state.value.capitalize()} ({len(mine)})", "", *_feature_table(mine)]
    absent = sum(feature.state is State.ABSENT for feature in features)
    return "\n".join([*lines, f"{counted(absent, 'feature is', 'features are')} not in this environment yet."])


def outcome(result: Outcome) -> str:
    """Write how a reversion ended."""
    others = (
        (
            other.environment,
            "unchanged" if other.is_unchanged else other.problem or "changed",
            other.before[:12],
            other.after[:12],
        )
        for other in result.others
    )
    lines = [
        f"## {result.verdict.value}",
        "",
        markdown(result.message, 4000),
        "",
        f"Approved by {markdown(result.approval.approver)}: {markdown(result.approval.reason) or 'no reason given'}. "
        f"Safety snapshot: `{result.safety_snapshot}`.",
        "",
        "### Services",
        "",
        *_table(("Service", "Version", "State", "Message"), map(_result_row, result.steps)),
        "### Production tests",
        "",
        *_table(("Test", "Result", "Cases", "Message"), map(_check_row, result.checks)),
        "### Other environments",
        "",
        *_table(("Environment", "State", "Before", "After"), others),
    ]
    return "\n".join(lines)


def approval(plan: Plan, given: Approval) -> str:
    """Write who decided what, since no page of the server shows a form's answer later."""
    rows = (
        ("Decision", given.decision),
        ("Name", given.approver),
        ("Reason", given.reason),
        ("Snapshot", plan.snapshot),
        ("Plan", plan.digest),
    )
    return "\n".join(["## Approval", "", *_table(("", ""), rows)])


class CaseRow(Value):
    """One row of the checks' table artifact."""

    test: str
    case: str
    state: str
    seconds: float
    message: str


def check_rows(checks: Sequence[Check]) -> tuple[CaseRow, ...]:
    """Return a row per test case; a test without a JUnit report is one row of its own."""
    return tuple(
        CaseRow(
            test=check.name,
            case=case.name,
            state=case.state,
            seconds=round(case.seconds, 3),
            message=case.message,
        )
        for check in checks
        for case in (check.cases or (_whole(check),))
    )


class Record(Value):
    """The run's machine-readable record, read back by `reversion history`."""

    verdict: str
    product: str
    environment: str
    snapshot: str
    digest: str
    safety_snapshot: str = ""
    approver: str = ""
    decision: str = ""
    reason: str = ""
    services_restored: int = 0
    services_failed: int = 0
    tests_passed: int = 0
    tests_failed: int = 0
    features_lost: int = 0
    features_regained: int = 0
    others_unchanged: str = ""
    message: str = ""


def record(result: Outcome) -> Record:
    """Fold an outcome into its record."""
    return Record(
        **decided(result.plan, result.approval, result.verdict.value, result.message).model_dump(
            exclude={
                "safety_snapshot",
                "services_restored",
                "services_failed",
                "tests_passed",
                "tests_failed",
                "others_unchanged",
            }
        ),
        safety_snapshot=result.safety_snapshot,
        services_restored=sum(step.is_proven for step in result.steps),
        services_failed=sum(not step.is_proven for step in result.steps),
        tests_passed=sum(check.passed for check in result.checks),
        tests_failed=sum(not check.passed for check in result.checks),
        others_unchanged="yes" if all(other.is_unchanged for other in result.others) else "no",
    )


def decided(plan: Plan, given: Approval, verdict: str, message: str) -> Record:
    """Return the record of a run that ended before anything was changed."""
    return Record(
        verdict=verdict,
        product=plan.product,
        environment=plan.environment,
        snapshot=plan.snapshot,
        digest=plan.digest,
        approver=given.approver,
        decision=given.decision,
        reason=given.reason,
        features_lost=len(plan.comparison.lost),
        features_regained=len(plan.comparison.regained),
        message=message,
    )


def parts(told: tuple[Part, ...]) -> str:
    """Write have/need per service: `cart 3/3, payment 1/2`."""
    return ", ".join(f"{part.service} {'?' if part.unknown else f'{part.have}/{part.need}'}" for part in told)


def _warning_lines(warnings: tuple[str, ...]) -> list[str]:
    if not warnings:
        return []
    return ["### Warnings", "", *(f"- {markdown(warning, 600)}" for warning in warnings), ""]


def _groups(plan: Plan, groups: tuple[tuple[str, str, str], ...]) -> list[str]:
    return [line for name, title, none in groups for line in _group(title, getattr(plan.comparison, name), none)]


def _group(title: str, changes: tuple[Change, ...], none: str) -> list[str]:
    if not changes:
        return [f"**{title}:** {none}.", ""] if none else []
    shown = [(_named(change.feature), _told(change)) for change in changes[:ROWS]]
    more = (
        [f"... and {len(changes) - ROWS} more; 'reversion plan --json' has them all.", ""]
        if len(changes) > ROWS
        else []
    )
    return [
        f"### {title} ({len(changes)})",
        "",
        *_table(("Feature", "Change"), shown, raw=1),
        *more,
    ]


def _told(change: Change) -> str:
    """Say it in one cell, since the approval form is narrow: `security: complete to absent (pay 0/1)`."""
    services = f" ({told})" if (told := parts(change.parts_after)) else ""
    return f"{change.feature.kind}: {change.before.value} to {change.after.value}{services}"


def _named(feature: Feature) -> str:
    name = (
        f"{markdown(feature.id)} {markdown(feature.title)}" if feature.title != feature.id else markdown(feature.id)
    )
    safe = feature.url.startswith(("https://", "http://")) and not set(feature.url) & set("()<>\"' \\|")
    doubt = " (ambiguous)" if feature.ambiguous else ""
    return (f"[{name}]({feature.url})" if safe else name) + doubt


def _feature_table(features: Sequence[Feature]) -> list[str]:
    rows = [(_named(feature), feature.kind, parts(feature.parts)) for feature in features[:ROWS]]
    more = (
        [f"... and {len(features) - ROWS} more; 'reversion features' has them all.", ""]
        if len(features) > ROWS
        else []
    )
    return [*_table(("Feature", "Kind", "Services"), rows, raw=1), *more]


def _step_row(step: Step) -> tuple[str, ...]:
    running = " and ".join(step.running) or "unknown"
    if step.direction == "same" and not step.is_needed:
        way = "stays"
    elif step.direction == "diverged":
        way = f"diverged: {counted(step.leaving, 'commit leaves', 'commits leave')}, {step.gaining} come"
    else:
        count = step.leaving if step.direction == "back" else step.gaining
        way = (
            f"{step.direction} {counted(count, 'commit')}"
            if step.direction in ("back", "forward")
            else step.direction
        )
    return step.service, running, step.version, way, ", ".join(step.hosts)


def _result_row(step: StepResult) -> tuple[str, ...]:
    return step.service, step.version, step.state, step.message


def _check_row(check: Check) -> tuple[str, ...]:
    passed = sum(case.state == "passed" for case in check.cases)
    cases = f"{passed}/{len(check.cases)}" if check.cases else "no report"
    return check.name, "passed" if check.passed else "failed", cases, check.message


def _whole(check: Check) -> Case:
    return Case(
        name="(whole)",
        state="passed" if check.passed else "failed",
        message=check.message,
        seconds=check.seconds,
    )


def _configuration_lines(plan: Plan) -> list[str]:
    if not plan.configuration:
        return ["**Configuration:** as it is now.", ""]
    way = [
        f"Brought to the hosts by `{plan.configure}` and the restore playbook; Git keeps the newer files."
        if plan.configure
        else "No configure playbook is named: only the restore playbook sees these files. Git keeps the newer ones.",
        "",
    ]
    rows = [(change.path, change.change) for change in plan.configuration[:ROWS]]
    more = [f"... and {len(plan.configuration) - ROWS} more files.", ""] if len(plan.configuration) > ROWS else []
    kept = [f"Never taken back: {', '.join(map(markdown, plan.keep_current))}.", ""] if plan.keep_current else []
    return ["### Configuration", "", *_table(("File", "Against now"), rows), *more, *way, *kept]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, raw: int = 0) -> list[str]:
    """Lay out a Markdown table; the first `raw` cells of each row are Markdown already."""
    lines = [" | ".join(row[:raw] + tuple(markdown(cell, 300) for cell in row[raw:])) for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *(f"| {line} |" for line in lines), ""]
