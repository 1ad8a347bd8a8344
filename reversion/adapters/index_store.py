"""The index in the catalogue's database: records by chapter, sheets and views. It can be deleted at any time."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from reversion.adapters.catalogue_engine import opened, transaction
from reversion.adapters.index_tables import ChapterRow, SheetRow, SourceRow, ViewRow
from reversion.errors import ServerFailed
from reversion.features.records import Chapter, Records
from reversion.features.sheets import Book, Sheet, View

_CHAPTER = 10_000
_MORE_CHAPTERS = 50
_AT_ONCE = 400
_ID = 20
_SEAL = 16

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


class IndexStore:
    """One product's part of the index. What is damaged is as if it were not there, and is read again."""

    def __init__(self, engine: Engine, product: str) -> None:
        self._engine, self._product = engine, product

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the database open over many small transactions; SQLite tidies up whenever its last user leaves."""
        with opened(self._engine):
            yield

    def known(self) -> dict[str, Known]:
        """Return how far each source was read."""
        with transaction(self._engine) as session:
            rows = session.exec(select(SourceRow).where(*self._of(SourceRow))).all()
            return {row.source: known for row in rows if (known := _known(row))}

    def books(
        self, services: Iterable[str], state: str | None = None, commits: Iterable[str] = ()
    ) -> tuple[Book, ...]:
        """Return what was told of the services in that state (None: whichever it was), with these commits' views."""
        wanted = [*self._of(SheetRow), col(SheetRow.service).in_(tuple(services))]
        if state is not None:
            wanted.append(col(SheetRow.state) == state)
        views: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
        with transaction(self._engine) as session:
            found = session.exec(select(SheetRow.service, SheetRow.state, SheetRow.document).where(*wanted)).all()
            for some in _in_parts(commits):
                rows = select(ViewRow).where(*self._of(ViewRow), col(ViewRow.commit_id).in_(some))
                for row in session.exec(rows):
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
        with transaction(self._engine) as session:
            row = session.get(SourceRow, (self._product, source))
            known = _known(row) if row else None
            chapters = select(ChapterRow).where(*self._of(ChapterRow), ChapterRow.source == source)
            rows = session.exec(chapters.order_by(col(ChapterRow.start))).all() if known else ()
            found = [(row.start, row.ids, row.document) for row in rows]
        records = Records()
        for start, ids, sealed in found:
            document = _unsealed(sealed, self._product, source, start, _digest(ids))
            if document is None or start != len(records) or not _joined(records, ids, document):
                return known, Records()
        is_whole = known is not None and mark_of(records) == known.mark
        return known, records if is_whole else Records()

    def save(self, source: str, read: Read, state: str, books: Iterable[Book]) -> bool:
        """Keep what was read, and what was told of it, in that state.

        Return False, and keep nothing, where another process has read on meanwhile: its work stays.
        """
        start, chapters = read.kept, read.was.chapters if read.was and read.kept else 0
        if chapters > _MORE_CHAPTERS + len(read.records) // _CHAPTER:
            start, chapters = 0, 0
        written = [self._chapter(source, read.records, at) for at in range(start, len(read.records), _CHAPTER)]
        now = Known(len(read.records), read.heads, mark_of(read.records), chapters + len(written))

        def write(session: Session) -> bool:
            row = session.get(SourceRow, (self._product, source), with_for_update=True)
            if (_known(row) if row else None) != read.was:
                return False
            if not start:
                session.exec(delete(ChapterRow).where(*self._of(ChapterRow), col(ChapterRow.source) == source))
            session.add_all(ChapterRow(**chapter) for chapter in written)
            session.merge(_row(self._product, source, now))
            for book in books:
                self._save_book(session, source, state, book)
            return True

        return self._write(write)

    def forget(self) -> None:
        """Delete the whole index of the product."""
        with transaction(self._engine) as session:
            for table in (SourceRow, ChapterRow, SheetRow, ViewRow):
                session.exec(delete(table).where(*self._of(table)))

    def _write(self, write: Callable[[Session], T]) -> T:
        """Write in one transaction; once more where another process wrote the same row first."""
        try:
            with transaction(self._engine) as session:
                return write(session)
        except ServerFailed as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        with transaction(self._engine) as session:
            return write(session)

    def _chapter(self, source: str, records: Records, start: int) -> dict[str, Any]:
        end = min(start + _CHAPTER, len(records))
        ids = _as_bytes(records.ids[start:end])
        document = zlib.compress(records.chapter(start, end).model_dump_json().encode(), 1)
        sealed = _sealed(document, self._product, source, start, _digest(ids))
        return {"product": self._product, "source": source, "start": start, "ids": ids, "document": sealed}

    def _save_book(self, session: Session, source: str, state: str, book: Book) -> None:
        """Keep a book in place of the one before, whose source is forgotten where no other service lives in it."""
        service = book.sheet.service
        row = session.get(SheetRow, (self._product, service))
        before = row.source if row else source
        sheet = _sealed(book.sheet.model_dump_json().encode(), self._product, service, state)
        session.merge(SheetRow(product=self._product, service=service, source=source, state=state, document=sheet))
        mine = (*self._of(ViewRow), col(ViewRow.service) == service)
        session.exec(delete(ViewRow).where(*mine, col(ViewRow.state) != state))
        for some in _in_parts(book.views):
            session.exec(delete(ViewRow).where(*mine, col(ViewRow.commit_id).in_(some)))
        for commit, view in book.views.items():
            document = _sealed(view.model_dump_json().encode(), self._product, service, commit, state)
            row_of_view = ViewRow(
                product=self._product, service=service, commit_id=commit, state=state, document=document
            )
            session.add(row_of_view)
        if before != source:
            self._forget_unless_used(session, before)

    def _forget_unless_used(self, session: Session, source: str) -> None:
        if session.exec(select(SheetRow.service).where(*self._of(SheetRow), SheetRow.source == source)).first():
            return
        for table in (SourceRow, ChapterRow):
            session.exec(delete(table).where(*self._of(table), col(table.source) == source))

    def _of(self, table: type[SourceRow] | type[ChapterRow] | type[SheetRow] | type[ViewRow]) -> list[Any]:
        return [col(table.product) == self._product]


def mark_of(records: Records) -> str:
    """Return a digest of all ids in their order, which is what numbers stand for."""
    return _digest(_as_bytes(records.ids))


def _digest(ids: bytes) -> str:
    return hashlib.blake2b(ids, digest_size=_SEAL).hexdigest()


def _as_bytes(ids: list[str]) -> bytes:
    return bytes.fromhex("".join(ids))


def _row(product: str, source: str, known: Known) -> SourceRow:
    return SourceRow(
        product=product,
        source=source,
        commits=known.commits,
        chapters=known.chapters,
        heads=json.dumps(known.heads),
        mark=known.mark,
    )


def _known(row: SourceRow) -> Known | None:
    try:
        return Known(int(row.commits), tuple(map(str, json.loads(row.heads))), row.mark, int(row.chapters))
    except (ValueError, TypeError):
        return None


def _joined(records: Records, ids: bytes, document: bytes) -> bool:
    """Take a chapter in; tell whether it could be read."""
    names = ids.hex()
    split = [names[at : at + 2 * _ID] for at in range(0, len(names), 2 * _ID)]
    try:
        records.join(split, Chapter.model_validate_json(zlib.decompress(document)))
    except (ValueError, zlib.error, IndexError):
        return False
    return True


def _read(model: type[M], sealed: bytes, *names: str) -> M | None:
    document = _unsealed(sealed, *names)
    try:
        return None if document is None else model.model_validate_json(document)
    except ValueError:
        return None


def _sealed(document: bytes, *names: object) -> bytes:
    return _seal(document, names) + document


def _unsealed(sealed: bytes, *names: object) -> bytes | None:
    """Return the document, or None where it or the names are not what was sealed."""
    document = sealed[_SEAL:]
    return document if sealed[:_SEAL] == _seal(document, names) else None


def _seal(document: bytes, names: tuple[object, ...]) -> bytes:
    seal = hashlib.blake2b(repr(names).encode(), digest_size=_SEAL)
    seal.update(document)
    return seal.digest()


def _in_parts(commits: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(set(commits))
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
