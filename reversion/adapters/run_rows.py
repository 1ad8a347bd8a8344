"""What Prefect's API answers about runs, read into shapes at the door."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from reversion.errors import ServerFailed
from reversion.history import Moment, RunRecord, in_our_words
from reversion.report import Record
from reversion.text import plain

_NEVER = datetime.max.replace(tzinfo=UTC)
Row = TypeVar("Row", bound=BaseModel)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class State(_Row):
    type: str
    name: str | None = None
    message: str | None = None
    timestamp: datetime | None = None
    state_details: dict[str, Any] = {}


class Named(_Row):
    id: str
    name: str


class Run(_Row):
    id: str
    name: str
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    state: State | None = None
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    created: datetime | None = None
    run_count: int = 1
    deployment_id: str | None = None


class Task(_Row):
    id: str
    name: str
    state: State | None = None
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    total_run_time: float = 0.0

    def order(self) -> datetime:
        return self.start_time or self.expected_start_time or _NEVER


class Artifact(_Row):
    id: str
    key: str | None = None
    type: str | None = None
    data: Any = None
    flow_run_id: str | None = None
    created: datetime | None = None

    def order(self) -> datetime:
        return self.created or _NEVER


class Limit(_Row):
    active_slots: int


class Input(_Row):
    key: str
    value: str


class Orchestrated(_Row):
    """What came of a change of state: the status is the truth, the HTTP code is not."""

    status: str
    details: dict[str, Any] = {}


def parse(shape: type[Row], answer: Any) -> Row:
    """Read one row, or raise ServerFailed."""
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        raise _unexpected(error) from error


def parse_all(shape: type[Row], answer: Any) -> tuple[Row, ...]:
    """Read a list of rows, or raise ServerFailed."""
    try:
        return TypeAdapter(tuple[shape, ...]).validate_python(answer or ())  # type: ignore[valid-type]
    except ValidationError as error:
        raise _unexpected(error) from error


def moment(state: State | None) -> Moment:
    if state is None:
        return Moment(at=None, kind="SCHEDULED", name="Scheduled")
    return in_our_words(
        Moment(
            at=state.timestamp,
            kind=state.type,
            name=plain(state.name or state.type.capitalize(), 60),
            message=plain(state.message or "", 1000),
        )
    )


def time_of(text: object) -> datetime | None:
    """Read a time that a state's details tell; None where it is none."""
    try:
        return TypeAdapter(datetime | None).validate_python(text)
    except ValidationError:
        return None


def told(run: Run, record: Record | None, page: str) -> RunRecord:
    tags = dict(tag.split(":", 1) for tag in run.tags if ":" in tag)
    return RunRecord(
        id=run.id,
        name=plain(run.name, 120),
        product=plain(tags.get("product", "")),
        environment=plain(str(run.parameters.get("environment", "")), 60),
        snapshot=plain(record.snapshot if record else str(run.parameters.get("snapshot", "")), 120),
        asked=plain(str(run.parameters.get("reason", "")), 500),
        state=moment(run.state),
        started=run.start_time or run.expected_start_time,
        ended=run.end_time,
        page=page,
        record=record,
    ).explained(attempts=run.run_count)


def _unexpected(error: ValidationError) -> ServerFailed:
    return ServerFailed(
        f"The Prefect server's answer is not what this version reads ({plain(str(error), 200)}).",
        "Check that server and command are of the same release.",
    )
