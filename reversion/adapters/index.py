"""The index: each service's history is read once, then only what is new in it, and what it tells is kept."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Semaphore
from typing import TypeVar

from reversion import __version__
from reversion.adapters.histories import heads_of, map_version, open_source, tracked_branches, tracked_heads
from reversion.adapters.index_reading import only_forward, own_settings, read_on
from reversion.adapters.index_store import IndexStore, Known, Read
from reversion.adapters.mirrors import location_of
from reversion.adapters.repository import Repository
from reversion.errors import ReversionError, ServerFailed
from reversion.feature_settings import CatalogueEntry, FeatureSettings
from reversion.features.ledger import Ledger, Source
from reversion.features.naming import Naming
from reversion.features.records import Records
from reversion.features.sheets import Book
from reversion.features.values import Mapped
from reversion.product import Service
from reversion.text import digest, plain

_SIDE_BY_SIDE = 8
_READING = Semaphore(2)
"""One history is read while Git brings the next; more only get in each other's way."""
_FORMAT = "6"

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a service's repository is known: all its commits, those of them read just now, and tags of versions."""

    commits: int = 0
    new: int = 0
    versions: int = 0


@dataclass(frozen=True)
class Studied:
    """What is told of each service, the commits that the wanted versions name, and why a history can't be read."""

    books: tuple[Book, ...] = ()
    mapped: tuple[Mapped, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)


def warn(error: ServerFailed) -> None:
    """Say in the log why the store can't be used."""
    logging.getLogger("reversion").warning("%s", plain(str(error), 500))


@dataclass(frozen=True)
class Index:
    """All that decides how a product's histories are read. Without a store, nothing is kept.

    A store that fails is warned of once, and nothing else: all can be read again.
    """

    root: Path
    home: Path
    settings: FeatureSettings
    entries: tuple[CatalogueEntry, ...] = ()
    store: IndexStore | None = None
    warn: Callable[[ServerFailed], None] = warn

    def study(
        self, services: tuple[Service, ...], versions: Mapping[str, frozenset[str]], *, refresh: bool = True
    ) -> Studied:
        """Bring every service's features up to date, side by side; `versions` are those to judge, by service.

        A repository that can't be read becomes a problem of its services, never an error.
        """
        with self._groups(services) as groups, ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            read = tuple(pool.map(lambda group: group.study(versions, refresh=refresh), groups))
        return Studied(
            tuple(book for group in read for book in group.books),
            tuple(mapped for group in read for mapped in group.mapped),
            {name: problem for group in read for name, problem in group.problems.items()},
            {name: progress for group in read for name, progress in group.progress.items()},
        )

    def ledgers(self, services: tuple[Service, ...], commits: Mapping[str, Iterable[str]]) -> dict[str, Ledger]:
        """Return whole ledgers, with what these commits of each service contain; asks no remote for anything new.

        Books tell less and are there at once: this is for explaining. A service that can't be read is left out.
        """
        found: dict[str, Ledger] = {}
        with self._groups(services) as groups:
            for group in groups:
                with suppress(ReversionError, OSError):
                    found |= {ledger.service: ledger for ledger in group.ledgers(commits)}
        return found

    @contextmanager
    def _groups(self, services: tuple[Service, ...]) -> Iterator[tuple["_Group", ...]]:
        """Give the services by what is read as one; the store is held open meanwhile."""
        by_place: dict[str, list[Service]] = {}
        for service in services:
            by_place.setdefault(_place_of(service, self.root, self.settings), []).append(service)
        entries = digest([entry.model_dump(mode="json") for entry in self.entries])
        with _Shelf(self.store, self.warn).held() as shelf:
            known = shelf.ask(lambda store: store.known()) or {}
            keys = {place: _key_of(place, group) for place, group in by_place.items()}
            yield tuple(
                _Group(self, shelf, tuple(group), keys[place], known.get(keys[place]), entries)
                for place, group in by_place.items()
            )


class _Shelf:
    """The store while it works: when it fails, that is told once, and from then on it is as if there were none."""

    def __init__(self, store: IndexStore | None, warn: Callable[[ServerFailed], None]) -> None:
        self._store, self._warn, self._lock = store, warn, Lock()

    @contextmanager
    def held(self) -> Iterator["_Shelf"]:
        """Keep the database open meanwhile."""
        with ExitStack() as stack:
            self.ask(lambda store: stack.enter_context(store.held()))
            yield self

    def ask(self, question: Callable[[IndexStore], T]) -> T | None:
        """Return the store's answer, or None where it can't be asked."""
        store = self._store
        if store is None:
            return None
        try:
            return question(store)
        except ServerFailed as error:
            with self._lock:
                if self._store is not None:
                    self._store = None
                    self._warn(error)
            return None


@dataclass(frozen=True)
class _Group:
    """The services that share a repository, its tracked branches and conventions; `known` is how far it was read."""

    index: Index
    shelf: _Shelf
    services: tuple[Service, ...]
    key: str
    known: Known | None
    entries: str

    def study(self, versions: Mapping[str, frozenset[str]], *, refresh: bool) -> Studied:
        wanted = [
            (service, version) for service in self.services for version in sorted(versions.get(service.name, ()))
        ]
        try:
            repository = open_source(self.services[0], self.index.root, self.index.home, refresh=refresh)
            references = repository.references(tracked_branches(self.services[0]))
            refs = repository.refs() if wanted else {}
            mapped = tuple(map_version(repository, service, version, refs) for service, version in wanted)
            heads = tracked_heads(self.services[0], references.branches)
            if not heads:
                return self._unread({service.name: _no_branch(service) for service in self.services}, mapped)
            with _READING:
                books, commits, new = self._tell(repository, heads, _commits(self.services, mapped))
        except (ReversionError, OSError) as error:
            problem = plain(str(error), 500)
            unmapped = (Mapped(service=one.name, version=version, problem=problem) for one, version in wanted)
            return self._unread({service.name: problem for service in self.services}, tuple(unmapped))
        progress = {
            service.name: Progress(commits, new, _count_versions(service, references.tags))
            for service in self.services
        }
        return Studied(books, mapped, {}, progress)

    def ledgers(self, commits: Mapping[str, Iterable[str]]) -> tuple[Ledger, ...]:
        repository = open_source(self.services[0], self.index.root, self.index.home, refresh=False)
        heads = heads_of(repository, self.services[0])
        starts = (*heads, *(id for service in self.services for id in commits.get(service.name, ())))
        return _ledgers(self.index, self.services, self._read(repository, heads, starts).records, heads)

    def _tell(
        self, repository: Repository, heads: tuple[str, ...], wanted: Mapping[str, tuple[str, ...]], tries: int = 2
    ) -> tuple[tuple[Book, ...], int, int]:
        """Return each service's book with the wanted commits' views, how many commits there are, and how many new."""
        if self.known and self.known.heads == heads and (kept := self._kept(self.known, wanted)):
            return kept, self.known.commits, 0
        starts = (*heads, *(commit for each in wanted.values() for commit in each))
        read = self._read(repository, heads, starts, is_new=self.known is None and tries > 1)
        books = tuple(
            Book(ledger.sheet, {commit: view for commit in wanted[ledger.service] if (view := ledger.view(commit))})
            for ledger in _ledgers(self.index, self.services, read.records, heads)
        )
        state = self._state(heads, read.mark)
        saved = self.shelf.ask(lambda store: store.save(self.key, read, state, books))
        if saved is False and tries > 1:
            return self._tell(repository, heads, wanted, tries - 1)
        return books, len(read.records), len(read.records) - read.kept

    def _kept(self, known: Known, wanted: Mapping[str, tuple[str, ...]]) -> tuple[Book, ...]:
        """Return the kept books, or none where they don't tell all that is wanted."""
        state = self._state(known.heads, known.mark)
        commits = {commit for each in wanted.values() for commit in each}
        books = self.shelf.ask(lambda store: store.books(wanted, state, commits)) or ()
        tells_all = all(book.views.keys() >= set(wanted[book.sheet.service]) for book in books)
        return books if tells_all and len(books) == len(wanted) else ()

    def _read(
        self, repository: Repository, heads: tuple[str, ...], starts: tuple[str, ...], *, is_new: bool = False
    ) -> Read:
        """Read on behind what is kept; from nothing at first, and where a tracked branch was rewritten."""
        nothing = (None, Records())
        known, records = nothing if is_new else self.shelf.ask(lambda store: store.records(self.key)) or nothing
        kept = len(records)
        if known and kept:
            read_on(repository, self.services, self.index.settings, records, starts)
            if known.heads == heads or only_forward(records, heads, known.heads):
                return Read(records, heads, known, kept)
        records = Records()
        read_on(repository, self.services, self.index.settings, records, starts)
        return Read(records, heads, known)

    def _unread(self, problems: Mapping[str, str], mapped: tuple[Mapped, ...]) -> Studied:
        """Return what was told of the services before: their features, of which nothing is known now."""
        kept = self.shelf.ask(lambda store: store.books(problems)) or ()
        progress = Progress(self.known.commits if self.known else 0)
        return Studied(
            tuple(Book(book.sheet, {}) for book in kept), mapped, problems, dict.fromkeys(problems, progress)
        )

    def _state(self, heads: tuple[str, ...], mark: str) -> str:
        """Return what names all that a book was made from."""
        return digest([self.key, mark, list(heads), self.entries])


def read_ledgers(
    repository: Repository, services: tuple[Service, ...], commits: tuple[str, ...], index: Index
) -> tuple[Ledger, ...]:
    """Read services of one repository with all that the tracked branches and the commits contain; keep nothing."""
    heads, records = heads_of(repository, services[0]), Records()
    read_on(repository, services, index.settings, records, (*heads, *commits))
    return _ledgers(index, services, records, heads)


def _ledgers(
    index: Index, services: tuple[Service, ...], records: Records, heads: tuple[str, ...]
) -> tuple[Ledger, ...]:
    naming = Naming(index.settings, index.entries)
    source = Source(records, heads, with_pulls=naming.needs_pulls)
    return tuple(Ledger(service.name, source, naming, is_part=bool(service.paths)) for service in services)


def _place_of(service: Service, root: Path, settings: FeatureSettings) -> str:
    """Name what services must share to be read as one: where they are and how they are read."""
    conventions = own_settings(settings, service.name).conventions_digest()
    return digest([location_of(service, root), list(service.tracked), conventions, _FORMAT, __version__])


def _key_of(place: str, services: list[Service]) -> str:
    return digest([place, {service.name: list(service.paths) for service in services if service.paths}])


def _commits(services: tuple[Service, ...], mapped: tuple[Mapped, ...]) -> dict[str, tuple[str, ...]]:
    """Return the commits of each service's wanted versions."""
    return {
        service.name: tuple(one.commit for one in mapped if one.service == service.name and one.commit)
        for service in services
    }


def _count_versions(service: Service, tags: Iterable[str]) -> int:
    """Count the tags that have the form of a version's."""
    forms = [f"refs/tags/{form}".split("\0") for form in service.references("\0")]
    return sum(any(tag.startswith(before) and tag.endswith(after) for before, after in forms) for tag in tags)


def _no_branch(service: Service) -> str:
    return (
        f"The repository of {service.name} has no branch {' or '.join(service.tracked)}. "
        f"Correct services.{service.name}.tracked in reversion.yaml."
    )
