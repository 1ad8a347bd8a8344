"""The index: each service's history is read once, then only what is new in it, and what it tells is kept."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from reversion import __version__
from reversion.adapters.histories import heads_of
from reversion.adapters.index_group import Found, Group, Shelf, Sources, Studied, ledgers_of
from reversion.adapters.index_reading import own_settings, read_on
from reversion.adapters.index_store import IndexStore
from reversion.adapters.mirrors import location_of
from reversion.adapters.repository import Repository
from reversion.errors import ReversionError, ServerFailed
from reversion.feature_settings import FeatureSettings
from reversion.features.ledger import Ledger
from reversion.features.records import Records
from reversion.product import Service
from reversion.text import digest, plain

_SIDE_BY_SIDE = 8
_FORMAT = "7"


def warn(error: ServerFailed) -> None:
    """Say in the log why the store can't be used."""
    logging.getLogger("reversion").warning("%s", plain(str(error), 500))


@dataclass(frozen=True)
class Index(Sources):
    """Reads a product's histories. Without a store, nothing is kept.

    A store that fails is warned of once, and nothing else: all can be read again.
    """

    store: IndexStore | None = None
    warn: Callable[[ServerFailed], None] = warn

    def study(
        self, services: tuple[Service, ...], versions: Mapping[str, frozenset[str]], *, refresh: bool = True
    ) -> Studied:
        """Bring every service's features up to date; `versions` are those to judge, by service.

        A repository that can't be read becomes a problem of its services, never an error.
        """
        with self._groups(services) as groups:
            read = _read(groups, lambda group: group.find(versions, refresh=refresh))
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
    def _groups(self, services: tuple[Service, ...]) -> Iterator[tuple[Group, ...]]:
        """Give the services by what is read as one; the store is held open meanwhile."""
        by_place: dict[str, list[Service]] = {}
        for service in services:
            by_place.setdefault(_place_of(service, self.root, self.settings), []).append(service)
        entries = digest([entry.model_dump(mode="json") for entry in self.entries])
        with Shelf(self.store, self.warn).held() as shelf:
            known = shelf.ask(lambda store: store.known()) or {}
            keys = {place: _key_of(place, group) for place, group in by_place.items()}
            yield tuple(
                Group(self, shelf, tuple(group), keys[place], known.get(keys[place]), entries)
                for place, group in by_place.items()
            )


def read_ledgers(
    repository: Repository, services: tuple[Service, ...], commits: tuple[str, ...], index: Index
) -> tuple[Ledger, ...]:
    """Read services of one repository with all that the tracked branches and the commits contain; keep nothing."""
    heads, records = heads_of(repository, services[0]), Records()
    read_on(repository, services, index.settings, records, (*heads, *commits))()
    return ledgers_of(index, services, records, heads)


def _read(groups: tuple[Group, ...], find: Callable[[Group], Found]) -> tuple[Studied, ...]:
    """Ask remotes side by side, and read what has come from them: one history while Git brings the next.

    To read several at once takes longer, since Python does it in turns.
    """
    arrived: SimpleQueue[Future[Found]] = SimpleQueue()
    begun: deque[tuple[int, Callable[[], Studied]]] = deque()
    read: dict[int, Studied] = {}
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        try:
            places = {pool.submit(find, group): at for at, group in enumerate(groups)}
            for coming in places:
                coming.add_done_callback(arrived.put)
            while len(read) < len(groups):
                is_all_begun = len(read) + len(begun) == len(groups)
                if begun and (len(begun) > 1 or is_all_begun or arrived.empty()):
                    at, finish = begun.popleft()
                    read[at] = finish()
                else:
                    found = arrived.get()
                    at = places[found]
                    begun.append((at, groups[at].begin(found.result())))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return tuple(read[at] for at in range(len(groups)))


def _place_of(service: Service, root: Path, settings: FeatureSettings) -> str:
    """Name what services must share to be read as one: where they are and how they are read."""
    conventions = own_settings(settings, service.name).conventions_digest()
    return digest([location_of(service, root), list(service.tracked), conventions, _FORMAT, __version__])


def _key_of(place: str, services: list[Service]) -> str:
    return digest([place, {service.name: list(service.paths) for service in services if service.paths}])
