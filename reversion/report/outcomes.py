"""How a reversion ended: services, production tests, other environments."""

from collections.abc import Sequence

from reversion.outcome import Approval, Case, Check, Outcome, StepResult
from reversion.report.tables import table
from reversion.text import Value, markdown


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
        f"{_approved(result.approval)}. Safety snapshot: `{result.safety_snapshot}`.",
        "",
        "### Services",
        "",
        *table(("Service", "Version", "State", "Message"), map(_result_row, result.steps)),
        "### Production tests",
        "",
        *table(("Test", "Result", "Cases", "Message"), map(_check_row, result.checks)),
        "### Other environments",
        "",
        *table(("Environment", "State", "Before", "After"), others),
    ]
    return "\n".join(lines)


_CASES = 500


class CaseRow(Value):
    """One row of the checks' table artifact."""

    test: str
    case: str
    state: str
    seconds: float
    message: str


def check_rows(checks: Sequence[Check]) -> tuple[CaseRow, ...]:
    """Return a row per test case; a test without a JUnit report is one row of its own.

    Of more than 500 the failed ones come first, and a last row counts what is left out: the page of the table draws
    all rows at once. Prefect shows cells as Markdown, so text is escaped.
    """
    rows = [_case_row(check, case) for check in checks for case in (check.cases or (_whole(check),))]
    if len(rows) <= _CASES:
        return tuple(rows)
    rows.sort(key=lambda row: row.state == "passed")
    left_out = f"{len(rows) - _CASES} more cases; the logs of the tests' own runs have them"
    return (*rows[:_CASES], CaseRow(test="...", case=left_out, state="", seconds=0, message=""))


def _case_row(check: Check, case: Case) -> CaseRow:
    return CaseRow(
        test=markdown(check.name),
        case=markdown(case.name, 300),
        state=case.state,
        seconds=round(case.seconds, 3),
        message=markdown(case.message, 1000),
    )


def _approved(approval: Approval) -> str:
    told = f"Approved by {markdown(approval.approver)}"
    if approval.asked and not approval.reason:
        return f"{told}; asked for because: {markdown(approval.asked)}"
    return f"{told}: {markdown(approval.reason) or 'no reason given'}"


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
