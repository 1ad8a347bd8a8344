"""Histories for tests: written down, or read from a repository that Git made.

Use: `from tests.ledgers import History, resolver_of, read_ledger`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from reversion.adapters.index import Index, read_ledgers
from reversion.adapters.repository import Repository
from reversion.feature_settings import CatalogueEntry, FeatureSettings
from reversion.features.ledger import Ledger, Source
from reversion.features.naming import Naming
from reversion.features.records import Commit, Commits, Records
from reversion.features.resolver import Resolver
from reversion.product import Service


class History(NamedTuple):
    """A history as it is written down: the service, its commits parents first, the tracked heads."""

    service: str
    commits: tuple[Commit, ...]
    tracked: tuple[str, ...]


def resolver_of(
    histories: Iterable[History], settings: FeatureSettings, entries: tuple[CatalogueEntry, ...] = ()
) -> Resolver:
    """Judge histories that are written down."""
    return Resolver([ledger_of(history, settings, entries) for history in histories], settings, entries)


def ledger_of(history: History, settings: FeatureSettings, entries: tuple[CatalogueEntry, ...] = ()) -> Ledger:
    """Read one history that is written down."""
    records, naming = Records(), Naming(settings, entries)
    records.extend(Commits.of(history.commits), FeatureSettings(conventions=settings.conventions_of(history.service)))
    return Ledger(history.service, Source(records, history.tracked, with_pulls=naming.needs_pulls), naming)


def read_ledger(
    path: Path,
    service: Service,
    settings: FeatureSettings,
    *commits: str,
    entries: tuple[CatalogueEntry, ...] = (),
) -> Ledger:
    """Read a repository's tracked branches and the commits."""
    index = Index(path, path, settings, entries)
    return read_ledgers(Repository(path), (service,), commits, index)[0]
