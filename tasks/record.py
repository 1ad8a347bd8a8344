"""Record: artifacts and the drop-down of snapshots; the run history is the audit log."""

from datetime import UTC, datetime
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.client.schemas.sorting import ArtifactSort
from prefect.runtime import flow_run

from reversion import report
from reversion.features.values import Feature
from reversion.operations.finding import find_nearer
from reversion.operations.publishing import Ended, console_pages
from reversion.operations.reasons import reasons
from reversion.outcome import Approval, Outcome
from reversion.plan import Plan
from reversion.report import Page, Record
from reversion.text import markdown
from tasks.settings import kept, workspace

_SEARCHED = 50


@kept(task_run_name="Record the plan", whatever="why")
def record_plan(plan: Plan, asked: str, why: str) -> str:
    """Keep the review, on as many pages as it needs; return the first one, which the approval form shows.

    `why` is where the reasons are kept.
    """
    pages = report.review_pages(plan, asked, find_nearer(workspace(plan.head_commit), plan), why)
    for page in pages:
        _keep(page)
    return pages[0].text


@kept(task_run_name="Record why features change")
def record_reasons(plan: Plan) -> str:
    """Keep the commits that decide what becomes of each feature; return their page's path at the server."""
    return f"/artifacts/artifact/{_keep(report.reasons_page(plan, reasons(workspace(plan.head_commit), plan)))}"


@kept(task_run_name="Record the approval")
def record_approval(plan: Plan, approval: Approval) -> None:
    create_markdown_artifact(report.approval(plan, approval), key=f"approval-{plan.environment}")


@kept(task_run_name="Publish the features of {environment}")
def publish(environment: str, features: tuple[Feature, ...], only_first: bool = False) -> None:
    """Publish the console: the features that users and managers find in the environment from now on, and the board.

    Without features the environment could not be looked at, and its pages stay as they are. With `only_first` pages
    that are there already stay too.
    """
    opened = workspace()
    product = opened.product.product
    if not features or (only_first and _is_published(report.environment_key(product, environment))):
        return
    last = {name: ended for name in opened.product.environments if (ended := _last(product, name))}
    pages = console_pages(opened, environment, features, last)
    for page in pages:
        _keep(page)
    for first in (report.environment_key(product, environment), report.board_key(product)):
        _empty_outdated(first, {page.key for page in pages})


def stopped(plan: Plan) -> str:
    """Return how the last attempt at this run failed once it had begun to change something; empty otherwise.

    A retry that was rejected is no attempt: it changed nothing.
    """
    asked = ArtifactFilter(
        key=ArtifactFilterKey(any_=[f"record-{plan.environment}"]),
        flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(flow_run.get_id())]),
    )
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=asked, sort=ArtifactSort.CREATED_DESC, limit=_SEARCHED)
    read = (Record.read(artifact.data) for artifact in found)
    record = next((each for each in read if each and each.decision != "reject"), None)
    return record.message if record and record.safety_snapshot else ""


@kept(task_run_name="Record the outcome")
def record_outcome(outcome: Outcome) -> None:
    environment = outcome.plan.environment
    rows = [row.model_dump() for row in report.check_rows(outcome.checks)]
    create_table_artifact(rows, key=f"checks-{environment}", description="Production tests")
    create_markdown_artifact(report.outcome(outcome), key=f"outcome-{environment}")
    record_end(report.record(outcome))


@kept(task_run_name="Record how it ended")
def record_end(record: Record) -> None:
    create_table_artifact([record.row()], key=f"record-{record.environment}", description=markdown(record.message))


def _keep(page: Page) -> object:
    """Keep a page; return its id."""
    return create_markdown_artifact(page.text, key=page.key, description=markdown(page.description))


def _empty_outdated(first: str, written: set[str]) -> None:
    """Say on pages that were needed before, and are not now, where to look instead."""
    for key, description in _latest(f"{first}-page-").items():
        empty = report.outdated(key, first)
        if key not in written and description != empty.description:
            _keep(empty)


def _is_published(key: str) -> bool:
    return key in _latest(key)


def _latest(start: str) -> dict[str, str]:
    """Return the descriptions of the pages whose keys begin so, by key."""
    asked = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(like_=start))
    with get_client(sync_client=True) as client:
        found = client.read_latest_artifacts(artifact_filter=asked, limit=200)
    return {each.key: each.description or "" for each in found if each.key.startswith(start)}


def _last(product: str, environment: str) -> Ended | None:
    """Return the last reversion that changed the environment, as the history has it."""
    asked = ArtifactFilter(key=ArtifactFilterKey(any_=[f"record-{environment}"]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=asked, sort=ArtifactSort.CREATED_DESC, limit=_SEARCHED)
    for artifact in found:
        record = Record.read(artifact.data)
        if record and record.product == product and record.safety_snapshot and artifact.flow_run_id:
            return Ended(
                run=str(artifact.flow_run_id),
                at=artifact.created or datetime.now(UTC),
                snapshot=record.snapshot,
                safety_snapshot=record.safety_snapshot,
            )
    return None
