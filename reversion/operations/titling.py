"""Find what trackers call features: what is kept of them, and what is due anew. A convenience that stops nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reversion.adapters.catalogue import open_titles
from reversion.errors import ReversionError, ServerFailed
from reversion.features.titles import Reference, Title, shares
from reversion.operations.workspace import Workspace
from reversion.text import plain
from reversion.tracker_settings import Tracker, source_of

if TYPE_CHECKING:
    from reversion.adapters.catalogue_titles import Kept, TitleCache
    from reversion.adapters.trackers.fetching import Fetched

PATIENCE = 5.0
KEPT = timedelta(days=1)


def titles_of(workspace: Workspace, ids: Iterable[str], *, refresh: bool) -> Mapping[str, Title]:
    """Return what the product's trackers call these features, as far as they are known.

    With `refresh`, what is not known, or was asked more than a day ago, is asked for, for five seconds at most. What
    goes wrong is one line in the log for each tracker.
    """
    trackers = workspace.product.features.trackers
    if not trackers:
        return {}
    repositories = {name: service.repository for name, service in workspace.product.services.items()}
    shared = tuple(zip(trackers, shares(trackers, ids, repositories), strict=True))
    try:
        return _titles(workspace, shared, refresh=refresh)
    except ServerFailed as error:
        _warn(error)
        return {}


def _titles(
    workspace: Workspace, shared: Iterable[tuple[Tracker, tuple[Reference, ...]]], *, refresh: bool
) -> dict[str, Title]:
    from reversion.adapters.trackers.fetching import fetch

    cache, now = open_titles(workspace.home), datetime.now(UTC)
    titles: dict[str, Title] = {}
    due = []
    for tracker, references in shared:
        source = source_of(tracker)
        kept = cache.read(source)
        titles |= {id: one.title for id, *_ in references if (one := kept.get(id)) and one.title}
        wanted = _due(references, kept, now) if refresh else ()
        if wanted and not ((until := cache.silent_until(source)) and until > now):
            due.append((tracker, wanted))
    for (tracker, _), fetched in zip(due, fetch(tuple(due), workspace.home, PATIENCE), strict=True):
        titles |= {id: title for id, title in fetched.titles.items() if title}
        _keep(cache, source_of(tracker), fetched, now)
    return titles


def _due(references: tuple[Reference, ...], kept: Mapping[str, Kept], now: datetime) -> tuple[Reference, ...]:
    """Return what has to be asked for: first what never was, then what was long ago; the newest numbers first."""
    new = [reference for reference in references if reference.id not in kept]
    old = [one for one in references if one.id in kept and now - kept[one.id].asked_at > KEPT]
    return (*sorted(new, key=_number, reverse=True), *sorted(old, key=lambda one: kept[one.id].asked_at))


def _number(reference: Reference) -> int:
    return int("0" + (re.findall("[0-9]{1,9}$", reference.key) or [""])[0])


def _keep(cache: TitleCache, source: str, fetched: Fetched, now: datetime) -> None:
    if fetched.problem:
        _warn(fetched.problem)
    try:
        cache.write(source, fetched.titles, now)
        if fetched.problem and fetched.problem.pause:
            cache.silence(source, now + timedelta(seconds=fetched.problem.pause))
    except ServerFailed as error:
        _warn(error)


def _warn(error: ReversionError) -> None:
    logging.getLogger("reversion").warning("%s", plain(str(error), 500))
