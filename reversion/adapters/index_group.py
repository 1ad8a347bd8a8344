"""The services whose histories are read as one: what is kept of them, what is new, and what that tells."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from reversion.adapters.histories import heads_of, map_version, open_source, tracked_branches, tracked_heads
from reversion.adapters.index_reading import only_forward, read_on
from reversion.adapters.index_store import IndexStore, Known, Read
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


@dataclass(frozen=True)
class Sources:
    """All that decides how a product's histories are read."""

    root: Path
    home: Path
    settings: FeatureSettings
    entries: tuple[CatalogueEntry, ...] = ()


class Shelf:
    """The store while it works: when it fails, that is told once, and from then on it is as if there were none."""

    def __init__(self, store: IndexStore | None, warn: Callable[[ServerFailed], None]) -> None:
        self._store, self._warn = store, warn

    @contextmanager
    def held(self) -> Iterator["Shelf"]:
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
            self._store = None
            self._warn(error)
            return None


@dataclass(frozen=True)
class Found:
    """What a group's repository has without a look at its history, or the problems why that can't be told."""

    wanted: tuple[tuple[Service, str], ...]
    mapped: tuple[Mapped, ...] = ()
    repository: Repository | None = None
    heads: tuple[str, ...] = ()
    tags: Collection[str] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """The services that share a repository, its tracked branches and conventions; `known` is how far it was read."""

    sources: Sources
    shelf: Shelf
    services: tuple[Service, ...]
    key: str
    known: Known | None
    entries: str

    def find(self, versions: Mapping[str, frozenset[str]], *, refresh: bool) -> Found:
        """Fetch what is new, and look the branches and the wanted versions up."""
        wanted = tuple(
            (service, version) for service in self.services for version in sorted(versions.get(service.name, ()))
        )
        try:
            repository = open_source(self.services[0], self.sources.root, self.sources.home, refresh=refresh)
            references = repository.references(tracked_branches(self.services[0]))
            refs = repository.refs() if wanted else {}
            mapped = tuple(map_version(repository, service, version, refs) for service, version in wanted)
        except (ReversionError, OSError) as error:
            return self._failed(wanted, error)
        heads = tracked_heads(self.services[0], references.branches)
        problems = {} if heads else {service.name: _no_branch(service) for service in self.services}
        return Found(wanted, mapped, repository, heads, references.tags, problems)

    def begin(self, found: Found) -> Callable[[], Studied]:
        """Let Git begin to tell what is new; what is returned reads it and gives what is told of the services."""
        if found.problems or found.repository is None:
            return lambda: self._unread(found)
        try:
            tell = self._begin(found.repository, found.heads, _commits(self.services, found.mapped))
        except (ReversionError, OSError) as error:
            failed = self._failed(found.wanted, error)
            return lambda: self._unread(failed)

        def finish() -> Studied:
            try:
                books, commits, new = tell()
            except (ReversionError, OSError) as error:
                return self._unread(self._failed(found.wanted, error))
            progress = {
                service.name: Progress(commits, new, _count_versions(service, found.tags))
                for service in self.services
            }
            return Studied(books, found.mapped, {}, progress)

        return finish

    def ledgers(self, commits: Mapping[str, Iterable[str]]) -> tuple[Ledger, ...]:
        repository = open_source(self.services[0], self.sources.root, self.sources.home, refresh=False)
        heads = heads_of(repository, self.services[0])
        starts = (*heads, *(id for service in self.services for id in commits.get(service.name, ())))
        return ledgers_of(self.sources, self.services, self._read(repository, heads, starts)().records, heads)

    def _begin(
        self, repository: Repository, heads: tuple[str, ...], wanted: Mapping[str, tuple[str, ...]], tries: int = 2
    ) -> Callable[[], tuple[tuple[Book, ...], int, int]]:
        """Return what gives each service's book, with the wanted commits' views, and how many commits: all, new."""
        if self.known and self.known.heads == heads and (kept := self._kept(self.known, wanted)):
            told = kept, self.known.commits, 0
            return lambda: told
        starts = (*heads, *(commit for each in wanted.values() for commit in each))
        reading = self._read(repository, heads, starts, is_new=self.known is None and tries > 1)

        def tell() -> tuple[tuple[Book, ...], int, int]:
            read = reading()
            books = tuple(
                Book(
                    ledger.sheet, {commit: view for commit in wanted[ledger.service] if (view := ledger.view(commit))}
                )
                for ledger in ledgers_of(self.sources, self.services, read.records, heads)
            )
            state = self._state(heads, read.mark)
            saved = self.shelf.ask(lambda store: store.save(self.key, read, state, books))
            if saved is False and tries > 1:
                return self._begin(repository, heads, wanted, tries - 1)()
            return books, len(read.records), len(read.records) - read.kept

        return tell

    def _kept(self, known: Known, wanted: Mapping[str, tuple[str, ...]]) -> tuple[Book, ...]:
        """Return the kept books, or none where they don't tell all that is wanted."""
        state = self._state(known.heads, known.mark)
        commits = {commit for each in wanted.values() for commit in each}
        books = self.shelf.ask(lambda store: store.books(wanted, state, commits)) or ()
        tells_all = all(book.views.keys() >= set(wanted[book.sheet.service]) for book in books)
        return books if tells_all and len(books) == len(wanted) else ()

    def _read(
        self, repository: Repository, heads: tuple[str, ...], starts: tuple[str, ...], *, is_new: bool = False
    ) -> Callable[[], Read]:
        """Read on behind what is kept; from nothing at first, and where a tracked branch was rewritten."""
        nothing = (None, Records())
        known, records = nothing if is_new else self.shelf.ask(lambda store: store.records(self.key)) or nothing
        kept = len(records)
        add = read_on(repository, self.services, self.sources.settings, records, starts)

        def read() -> Read:
            add()
            if not kept or known is None or known.heads == heads or only_forward(records, heads, known.heads):
                return Read(records, heads, known, kept)
            again = Records()
            read_on(repository, self.services, self.sources.settings, again, starts)()
            return Read(again, heads, known)

        return read

    def _failed(self, wanted: tuple[tuple[Service, str], ...], error: Exception) -> Found:
        problem = plain(str(error), 500)
        unmapped = (Mapped(service=one.name, version=version, problem=problem) for one, version in wanted)
        return Found(wanted, tuple(unmapped), problems={service.name: problem for service in self.services})

    def _unread(self, found: Found) -> Studied:
        """Return what was told of the services before: their features, of which nothing is known now."""
        kept = self.shelf.ask(lambda store: store.books(found.problems)) or ()
        progress = Progress(self.known.commits if self.known else 0)
        return Studied(
            tuple(Book(book.sheet, {}) for book in kept),
            found.mapped,
            found.problems,
            dict.fromkeys(found.problems, progress),
        )

    def _state(self, heads: tuple[str, ...], mark: str) -> str:
        """Return what names all that a book was made from."""
        return digest([self.key, mark, list(heads), self.entries])


def ledgers_of(
    sources: Sources, services: tuple[Service, ...], records: Records, heads: tuple[str, ...]
) -> tuple[Ledger, ...]:
    naming = Naming(sources.settings, sources.entries)
    source = Source(records, heads, with_pulls=naming.needs_pulls)
    return tuple(Ledger(service.name, source, naming, is_part=bool(service.paths)) for service in services)


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
