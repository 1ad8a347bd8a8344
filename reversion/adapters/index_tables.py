"""The tables of the index: what was read from the services' repositories, and what is told from it.

A document begins with a seal over itself and its row's keys, so that one that was damaged or is in the wrong row is
noticed.
"""

from sqlmodel import Field, SQLModel


class SourceRow(SQLModel, table=True):
    """One repository as far as it was read; `source` is a digest of where it is and how it is read.

    `heads` are the tracked branches' commits, as a JSON list of ids; `mark` is a digest of all ids in their order.
    `chapters` counts its rows in the other table.
    """

    __tablename__ = "reversion_source"
    product: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    commits: int
    chapters: int
    heads: str
    mark: str


class ChapterRow(SQLModel, table=True):
    """Some consecutive commits of a source, from number `start`: their ids, 20 bytes each, and all else as JSON."""

    __tablename__ = "reversion_chapter"
    product: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    start: int = Field(primary_key=True)
    ids: bytes
    document: bytes


class SheetRow(SQLModel, table=True):
    """What is told of a service, made from its source when that was in this `state`; JSON."""

    __tablename__ = "reversion_sheet"
    product: str = Field(primary_key=True)
    service: str = Field(primary_key=True)
    source: str
    state: str
    document: bytes


class ViewRow(SQLModel, table=True):
    """What one commit of a service has, in the state that the sheet was made in; JSON."""

    __tablename__ = "reversion_view"
    product: str = Field(primary_key=True)
    service: str = Field(primary_key=True)
    commit_id: str = Field(primary_key=True)
    state: str
    document: bytes
