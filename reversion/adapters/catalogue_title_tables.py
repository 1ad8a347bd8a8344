"""The tables of what trackers said: titles, and which tracker had better be left alone for a while."""

from sqlmodel import Field, SQLModel


class TitleRow(SQLModel, table=True):
    """A feature's title at one tracker; an empty one says that the tracker knows none."""

    __tablename__ = "reversion_title"
    product: str = Field(primary_key=True)
    tracker: str = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    title: str
    kind: str
    url: str
    status: str
    asked_at: str


class TrackerRow(SQLModel, table=True):
    """A tracker that did not answer as it must, and until when it is not asked again."""

    __tablename__ = "reversion_tracker"
    product: str = Field(primary_key=True)
    tracker: str = Field(primary_key=True)
    silent_until: str


TITLE_TABLES = (TitleRow, TrackerRow)
