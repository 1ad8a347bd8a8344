"""The database below the catalogue: opened, made ready and guarded; its errors become ours here."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlmodel import Session, create_engine

from reversion.adapters.catalogue_tables import SCHEMA_VERSION, SchemaRow, create_tables
from reversion.errors import ServerFailed
from reversion.text import plain

_WAIT = 30
_REBUILD = "It may be deleted: Git and the run history are the truth, and it is built again from them."


def open_engine(url: str) -> Engine:
    """Open the database and make its tables ready; raise ServerFailed where it is damaged or newer."""
    try:
        return _open(url)
    except (ArgumentError, TypeError, ValueError) as error:
        raise ServerFailed(
            "REVERSION_CATALOGUE is no database URL, or has an option that is none.",
            "Write it like sqlite:////path/catalogue.db.",
        ) from error


def _open(url: str) -> Engine:
    try:
        parsed = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
        wait: dict[str, Any] = {"timeout": _WAIT} if parsed.get_backend_name() == "sqlite" else {}
        if parsed.get_backend_name() == "postgresql":
            wait = {"connect_timeout": _WAIT}
        engine = create_engine(parsed, poolclass=NullPool, connect_args=wait)
    except ModuleNotFoundError as error:
        raise ServerFailed(
            f"The catalogue's database needs the Python package {error.name}, which is not installed.",
            "For PostgreSQL install prefect-reversion[postgresql].",
        ) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_for_writing)
    with _at_the_door(engine):
        _make_ready(engine)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Give a session that is committed at the end of the block, or not at all."""
    with _at_the_door(engine), Session(engine) as session, session.begin():
        yield session


@contextmanager
def opened(engine: Engine) -> Iterator[Connection]:
    """Give a connection that is open during the block, for many transactions."""
    with _at_the_door(engine):
        connection = engine.connect()
    with connection:
        yield connection


@contextmanager
def part(connection: Connection) -> Iterator[None]:
    """Commit what is done in the block on an open connection, or none of it."""
    with _at_the_door(connection.engine), connection.begin():
        yield


def _make_ready(engine: Engine) -> None:
    found = _schema_version(engine)
    if found is None:
        # Where another process does the same at the same moment, this fails and the next look finds its work.
        with suppress(DatabaseError), Session(engine) as session, session.begin():
            create_tables(session.connection())
            session.add(SchemaRow(id=1, version=SCHEMA_VERSION))
        found = _schema_version(engine)
    if found != SCHEMA_VERSION:
        raise ServerFailed(f"The catalogue {_name(engine)} was made by another Reversion.", _REBUILD)


def _schema_version(engine: Engine) -> int | None:
    """Return the shape of the tables that are there; None where there are none yet."""
    with Session(engine) as session:
        if not session.connection().dialect.has_table(session.connection(), str(SchemaRow.__tablename__)):
            return None
        row = session.connection().execute(text("SELECT version FROM reversion_schema WHERE id = 1")).first()
        return int(row[0]) if row else None


@contextmanager
def _at_the_door(engine: Engine) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ServerFailed(f"Two processes wrote the same to the catalogue {_name(engine)}.", "Try again.") from error
    except DatabaseError as error:
        said = plain(str(error.orig), 300)
        damaged = "malformed" in said or "not a database" in said or "no such" in said
        todo = _REBUILD if damaged else "Check that its server runs, its disk has room and it may be written."
        raise ServerFailed(f"The catalogue {_name(engine)} failed: {said}.", todo) from error
    except sqlite3.Error as error:
        raise ServerFailed(f"The catalogue {_name(engine)} failed: {plain(str(error))}.", _REBUILD) from error
    except SQLAlchemyError as error:
        raise ServerFailed(f"The catalogue {_name(engine)} failed.", _REBUILD) from error


def _name(engine: Engine) -> str:
    """Return the database's name for people, without its password."""
    return engine.url.database or "" if engine.dialect.name == "sqlite" else engine.url.render_as_string()


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA page_size = 16384")  # most is long documents; only a new database heeds it
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_for_writing(connection: Any) -> None:
    """Take SQLite's write lock at once: a lock taken half way can fail without waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
