"""The index in the catalogue's database: records by chapter, sheets and views. It can be deleted at any time."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from reversion.adapters.catalogue_engine import opened, part, transaction
from reversion.adapters.index_tables import ChapterRow, SheetRow, SourceRow, ViewRow
from reversion.errors import ServerFailed
from reversion.features.records import Chapter, Records
from reversion.features.sheets import Book, Sheet, View

_SOURCE, _CHAPTERS, _SHEETS, _VIEWS = (
    SQLModel.metadata.tables[str(row.__tablename__)] for row in (SourceRow, ChapterRow, SheetRow, ViewRow)
)
"""The tables below the models: rows go straight through the driver, since a model for each takes longer than Git."""


def _with(table: Table, *keys: str) -> tuple[ColumnElement[bool], ...]:
    """Ask for rows by these columns, whose values are given, as `_values` names them, when it is asked."""
    return tuple(table.c[key] == bindparam(f"its_{key}") for key in keys)


def _values(**keys: str) -> dict[str, Any]:
    return {f"its_{key}": value for key, value in keys.items()}


_NEW_SOURCE, _NEW_CHAPTER, _NEW_SHEET, _NEW_VIEW = (table.insert() for table in (_SOURCE, _CHAPTERS, _SHEETS, _VIEWS))
_THE_SOURCE = _SOURCE.select().where(*_with(_SOURCE, "product", "source"))
_THE_SOURCE_ALONE = _THE_SOURCE.with_for_update()
_RENEW_SOURCE = _SOURCE.update().where(*_with(_SOURCE, "product", "source"))
_SOURCE_OF_SHEET = select(_SHEETS.c.source).where(*_with(_SHEETS, "product", "service"))
_RENEW_SHEET = _SHEETS.update().where(*_with(_SHEETS, "product", "service"))
_THE_SHEETS = select(_SHEETS.c.service, _SHEETS.c.state, _SHEETS.c.document).where(
    *_with(_SHEETS, "product"), _SHEETS.c.service.in_(bindparam("services", expanding=True))
)
_THE_VIEWS = _VIEWS.select().where(
    *_with(_VIEWS, "product"), _VIEWS.c.commit_id.in_(bindparam("commits", expanding=True))
)
"""What is asked for each repository is put together once: that takes longer than to answer it."""
_CHAPTER = 10_000
_MORE_CHAPTERS = 50
_AT_ONCE = 400
_ID = 20
_SEAL = 32

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Known:
    """How far a source was read: at which heads, and which commits, told by their number and `mark_of` them."""

    commits: int
    heads: tuple[str, ...]
    mark: str
    chapters: int = 0


@dataclass(frozen=True)
class Read:
    """All records of a source at these heads; the store, which knew it as `was`, has the first `kept` of them."""

    records: Records
    heads: tuple[str, ...]
    was: Known | None = None
    kept: int = 0

    @cached_property
    def ids(self) -> bytes:
        return _as_bytes(self.records.ids)

    @cached_property
    def mark(self) -> str:
        return mark_of(self.ids)


class IndexStore:
    """One product's part of the index. What is damaged is as if it were not there, and is read again."""

    def __init__(self, engine: Engine, product: str) -> None:
        self._engine, self._product = engine, product
        self._held: Connection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the database open over many small transactions.

        To open it takes longer than most of them, and SQLite tidies up whenever its last user leaves.
        """
        with opened(self._engine) as self._held:
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._held is None:
            with transaction(self._engine) as session:
                yield session.connection()
            return
        with part(self._held):
            yield self._held

    def known(self) -> dict[str, Known]:
        """Return how far each source was read."""
        with self._transaction() as connection:
            rows = connection.execute(_SOURCE.select().where(*self._of(_SOURCE))).all()
            return {row.source: known for row in rows if (known := _known(row))}

    def books(
        self, services: Iterable[str], state: str | None = None, commits: Iterable[str] = ()
    ) -> tuple[Book, ...]:
        """Return what was told of the services in that state (None: whichever it was), with these commits' views."""
        product = _values(product=self._product)
        views: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
        with self._transaction() as connection:
            told = connection.execute(_THE_SHEETS, product | {"services": list(services)}).all()
            found = [(row.service, row.state, row.document) for row in told if state in (None, row.state)]
            for some in _in_parts(commits):
                for row in connection.execute(_THE_VIEWS, product | {"commits": some}):
                    views.setdefault((row.service, row.state), []).append((row.commit_id, row.document))
        books = []
        for service, made, document in found:
            if (sheet := _read(Sheet, document, self._product, service, made)) is not None:
                mine = views.get((service, made), ())
                read = (_read(View, view, self._product, service, commit, made) for commit, view in mine)
                books.append(Book(sheet, {view.commit: view for view in read if view}))
        return tuple(books)

    def records(self, source: str) -> tuple[Known | None, Records]:
        """Return how far a source was read, and what was read of it; no records where they are not there whole."""
        with self._transaction() as connection:
            row = connection.execute(_THE_SOURCE, _values(product=self._product, source=source)).first()
            known = _known(row) if row else None
            chapters = _CHAPTERS.select().where(*self._of(_CHAPTERS), _CHAPTERS.c.source == source)
            rows = connection.execute(chapters.order_by(_CHAPTERS.c.start)).all() if known else ()
            found = [(row.start, row.ids, row.document) for row in rows]
        records = Records()
        for start, ids, sealed in found:
            document = _unsealed(sealed, self._product, source, start, besides=ids)
            if document is None or start != len(records) or not _joined(records, ids, document):
                return known, Records()
        is_whole = known is not None and mark_of(b"".join(ids for _, ids, _ in found)) == known.mark
        return known, records if is_whole else Records()

    def save(self, source: str, read: Read, state: str, books: Iterable[Book]) -> bool:
        """Keep what was read, and what was told of it, in that state.

        Return False, and keep nothing, where another process has read on meanwhile: its work stays.
        """
        start, chapters = read.kept, read.was.chapters if read.was and read.kept else 0
        if chapters > _MORE_CHAPTERS + len(read.records) // _CHAPTER:
            start, chapters = 0, 0
        written = [self._chapter(source, read, at) for at in range(start, len(read.records), _CHAPTER)]
        now = Known(len(read.records), read.heads, read.mark, chapters + len(written))
        mine = _values(product=self._product, source=source)

        def write(connection: Connection) -> bool:
            row = connection.execute(_THE_SOURCE_ALONE, mine).first()
            if (_known(row) if row else None) != read.was:
                return False
            if not start and row:
                connection.execute(_CHAPTERS.delete().where(*self._of(_CHAPTERS), _CHAPTERS.c.source == source))
            if written:
                connection.execute(_NEW_CHAPTER, written)
            if row:
                connection.execute(_RENEW_SOURCE, mine | _row(self._product, source, now))
            else:
                connection.execute(_NEW_SOURCE, _row(self._product, source, now))
            for book in books:
                self._save_book(connection, source, state, book)
            return True

        return self._write(write)

    def forget(self) -> None:
        """Delete the whole index of the product."""
        with self._transaction() as connection:
            for table in (_SOURCE, _CHAPTERS, _SHEETS, _VIEWS):
                connection.execute(table.delete().where(*self._of(table)))

    def _write(self, write: Callable[[Connection], T]) -> T:
        """Write in one transaction; once more where another process wrote the same row first."""
        try:
            with self._transaction() as connection:
                return write(connection)
        except ServerFailed as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        with self._transaction() as connection:
            return write(connection)

    def _chapter(self, source: str, read: Read, start: int) -> dict[str, Any]:
        end = min(start + _CHAPTER, len(read.records))
        ids = read.ids[start * _ID : end * _ID]
        document = read.records.chapter(start, end).model_dump_json().encode()
        sealed = _sealed(document, self._product, source, start, besides=ids)
        return {"product": self._product, "source": source, "start": start, "ids": ids, "document": sealed}

    def _save_book(self, connection: Connection, source: str, state: str, book: Book) -> None:
        """Keep a book in place of the one before, whose source is forgotten where no other service lives in it."""
        service = book.sheet.service
        mine = _values(product=self._product, service=service)
        before = connection.execute(_SOURCE_OF_SHEET, mine).scalar()
        sheet = _sealed(book.sheet.model_dump_json().encode(), self._product, service, state)
        kept = {"product": self._product, "service": service, "source": source, "state": state, "document": sheet}
        if before is None:
            connection.execute(_NEW_SHEET, kept)
        else:
            connection.execute(_RENEW_SHEET, mine | kept)
            self._forget_views(connection, state, book)
        if book.views:
            connection.execute(_NEW_VIEW, [self._view(state, service, view) for view in book.views.values()])
        if before not in (None, source):
            self._forget_unless_used(connection, before)

    def _forget_views(self, connection: Connection, state: str, book: Book) -> None:
        """Forget the service's views of other states, and those that come anew."""
        mine = (*self._of(_VIEWS), _VIEWS.c.service == book.sheet.service)
        connection.execute(_VIEWS.delete().where(*mine, _VIEWS.c.state != state))
        for some in _in_parts(book.views):
            connection.execute(_VIEWS.delete().where(*mine, _VIEWS.c.commit_id.in_(some)))

    def _view(self, state: str, service: str, view: View) -> dict[str, Any]:
        document = _sealed(view.model_dump_json().encode(), self._product, service, view.commit, state)
        named = {"product": self._product, "service": service, "commit_id": view.commit}
        return named | {"state": state, "document": document}

    def _forget_unless_used(self, connection: Connection, source: str) -> None:
        if connection.execute(
            select(_SHEETS.c.service).where(*self._of(_SHEETS), _SHEETS.c.source == source)
        ).first():
            return
        for table in (_SOURCE, _CHAPTERS):
            connection.execute(table.delete().where(*self._of(table), table.c.source == source))

    def _of(self, table: Table) -> tuple[ColumnElement[bool]]:
        return (table.c.product == self._product,)


def mark_of(ids: bytes) -> str:
    """Return a digest of all ids in their order, which is what numbers stand for."""
    return hashlib.sha256(ids).hexdigest()


def _as_bytes(ids: list[str]) -> bytes:
    return bytes.fromhex("".join(ids))


def _row(product: str, source: str, known: Known) -> dict[str, Any]:
    named = {"product": product, "source": source, "commits": known.commits, "chapters": known.chapters}
    return named | {"heads": json.dumps(known.heads), "mark": known.mark}


def _known(row: Row[Any]) -> Known | None:
    try:
        return Known(int(row.commits), tuple(map(str, json.loads(row.heads))), row.mark, int(row.chapters))
    except (ValueError, TypeError):
        return None


def _joined(records: Records, ids: bytes, document: bytes) -> bool:
    """Take a chapter in; tell whether it could be read."""
    names = ids.hex()
    split = [names[at : at + 2 * _ID] for at in range(0, len(names), 2 * _ID)]
    try:
        records.join(split, Chapter.model_validate_json(document))
    except (ValueError, IndexError):
        return False
    return True


def _read(model: type[M], sealed: bytes, *names: str) -> M | None:
    document = _unsealed(sealed, *names)
    try:
        return None if document is None else model.model_validate_json(document)
    except ValueError:
        return None


def _sealed(document: bytes, *names: object, besides: bytes = b"") -> bytes:
    return _seal(document, besides, names) + document


def _unsealed(sealed: bytes, *names: object, besides: bytes = b"") -> bytes | None:
    """Return the document, or None where it, or what was sealed with it, is not what it was."""
    document = sealed[_SEAL:]
    return document if sealed[:_SEAL] == _seal(document, besides, names) else None


def _seal(document: bytes, besides: bytes, names: tuple[object, ...]) -> bytes:
    seal = hashlib.sha256(repr((names, len(besides))).encode())
    seal.update(besides)
    seal.update(document)
    return seal.digest()


def _in_parts(commits: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(set(commits))
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
