"""The catalogue's tables. Times are UTC in ISO form, so that they sort as text in every database."""

from sqlalchemy import Connection
from sqlmodel import Field, SQLModel

from reversion.adapters.catalogue_title_tables import TITLE_TABLES
from reversion.adapters.index_tables import ChapterRow, SheetRow, SourceRow, ViewRow

SCHEMA_VERSION = 3


class SchemaRow(SQLModel, table=True):
    """The one row says which shape the other tables have."""

    __tablename__ = "reversion_schema"
    id: int = Field(default=1, primary_key=True)
    version: int


class SnapshotRow(SQLModel, table=True):
    """A snapshot's tag as it was first seen."""

    __tablename__ = "reversion_snapshot"
    product: str = Field(primary_key=True)
    tag: str = Field(primary_key=True)
    object_id: str
    commit_id: str
    first_seen: str


class ObservationRow(SQLModel, table=True):
    """One look at one environment."""

    __tablename__ = "reversion_observation"
    id: int | None = Field(default=None, primary_key=True)
    product: str = Field(index=True)
    environment: str = Field(index=True)
    seen_at: str


class InstanceRow(SQLModel, table=True):
    """What one look saw of one service on one host; `place` is its order."""

    __tablename__ = "reversion_instance"
    observation_id: int = Field(primary_key=True)
    place: int = Field(primary_key=True)
    service: str = Field(index=True)
    host: str
    version: str | None
    problem: str


class JudgementRow(SQLModel, table=True):
    """One judgement of all features of one environment."""

    __tablename__ = "reversion_judgement"
    id: int | None = Field(default=None, primary_key=True)
    product: str = Field(index=True)
    environment: str = Field(index=True)
    run: str
    judged_at: str


class FeatureRow(SQLModel, table=True):
    """One feature as one judgement found it; `document` is the whole value as JSON."""

    __tablename__ = "reversion_feature"
    judgement_id: int = Field(primary_key=True)
    place: int = Field(primary_key=True)
    feature: str = Field(index=True)
    title: str
    kind: str
    state: str
    document: str


TABLES = (
    SchemaRow,
    SnapshotRow,
    ObservationRow,
    InstanceRow,
    JudgementRow,
    FeatureRow,
    SourceRow,
    ChapterRow,
    SheetRow,
    ViewRow,
    *TITLE_TABLES,
)


def create_tables(connection: Connection) -> None:
    """Create what is not there yet."""
    known = SQLModel.metadata.tables
    SQLModel.metadata.create_all(connection, tables=[known[str(table.__tablename__)] for table in TABLES])
