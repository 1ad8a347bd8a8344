"""Record: artifacts and the drop-down of snapshots; the run history is the audit log."""

from datetime import UTC, datetime

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from reversion import report
from reversion.features.values import Feature
from reversion.outcome import Approval, Outcome
from reversion.plan import Plan
from reversion.report import Record
from tasks.settings import kept


@kept(task_run_name="Record the plan")
def record_plan(plan: Plan, asked: str) -> None:
    create_markdown_artifact(report.review(plan, asked), key=f"plan-{plan.environment}", description=plan.digest)


@kept(task_run_name="Record the approval")
def record_approval(plan: Plan, approval: Approval) -> None:
    create_markdown_artifact(report.approval(plan, approval), key=f"approval-{plan.environment}")


@kept(task_run_name="Publish the features of {environment}")
def publish(product: str, environment: str, features: tuple[Feature, ...]) -> None:
    """Publish the console: the features that users and managers find in the environment from now on."""
    seen = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    create_markdown_artifact(
        report.console(product, environment, features, seen), key=f"features-{product}-{environment}"
    )


@kept(task_run_name="Record the outcome")
def record_outcome(outcome: Outcome) -> None:
    environment = outcome.plan.environment
    rows = [row.model_dump() for row in report.check_rows(outcome.checks)]
    create_table_artifact(rows, key=f"checks-{environment}", description="Production tests")
    create_markdown_artifact(report.outcome(outcome), key=f"outcome-{environment}")
    record_end(report.record(outcome))


@kept(task_run_name="Record how it ended")
def record_end(record: Record) -> None:
    create_table_artifact([record.model_dump()], key=f"record-{record.environment}", description=record.message[:200])
