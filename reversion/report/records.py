"""The machine-readable record of a run, and how it is folded from what happened."""

import json
from typing import Self

from reversion.outcome import Approval, Outcome
from reversion.plan import Plan
from reversion.text import Value, from_markdown, markdown


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

    def row(self) -> dict[str, object]:
        """Return it as the row of a table; Prefect shows cells as Markdown, so text is escaped."""
        return {name: markdown(value, 4000) if isinstance(value, str) else value for name, value in self}

    @classmethod
    def read(cls, data: object) -> Self | None:
        """Return the record in an artifact's table, as JSON or as rows; None where somebody else wrote it."""
        try:
            (row,) = json.loads(data) if isinstance(data, str) else data  # type: ignore[misc]  # checked by the except
            known = {name: row[name] for name in cls.model_fields if name in row}
            return cls.model_validate({n: from_markdown(v) if isinstance(v, str) else v for n, v in known.items()})
        except (ValueError, LookupError, TypeError):
            return None


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


def decided(plan: Plan, given: Approval, verdict: str, message: str, safety_snapshot: str = "") -> Record:
    """Return the record of a run that ended by a decision; `safety_snapshot` is that of an earlier attempt at it."""
    return Record(
        verdict=verdict,
        product=plan.product,
        environment=plan.environment,
        snapshot=plan.snapshot,
        digest=plan.digest,
        safety_snapshot=safety_snapshot,
        approver=given.approver,
        decision=given.decision,
        reason=given.reason,
        features_lost=len(plan.comparison.lost),
        features_regained=len(plan.comparison.regained),
        message=message,
    )
