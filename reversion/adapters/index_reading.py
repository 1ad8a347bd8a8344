"""Read on in a repository: what is new in it goes behind the records that are there."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from reversion.adapters.commits import read_commits
from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.feature_settings import FeatureSettings
from reversion.features.records import Records
from reversion.product import Service


def read_on(
    repository: Repository,
    services: tuple[Service, ...],
    settings: FeatureSettings,
    records: Records,
    starts: tuple[str, ...],
) -> Callable[[], None]:
    """Let Git begin to tell all that the starts contain and that is not there yet; what is returned adds it.

    The services share their conventions. It raises RepositoryFailed where a start can't be read.
    """
    missing = tuple(commit for commit in starts if commit not in records.number)
    if not missing:
        return lambda: None
    mine = own_settings(settings, services[0].name)
    parts = {service.name: service.paths for service in services if service.paths}
    touches = _Touches(parts)
    needs_paths = bool(parts) or mine.needs_paths("")
    batches = read_commits(repository, missing, _tips(records), touches.of if needs_paths else None)

    def add() -> None:
        for commits in batches:
            records.extend(commits, mine)
        for commit in missing:
            if commit not in records.number:
                raise RepositoryFailed(
                    f"Git has no commit {commit[:12]} in {repository.path}, though a branch or a tag names it.",
                    "Look at the repository with 'git fsck', or clone it anew.",
                )

    return add


def only_forward(records: Records, heads: tuple[str, ...], before: tuple[str, ...]) -> bool:
    """Tell whether all that the heads contained before is contained in them now."""
    if not all(head in records.number for head in before):
        return False
    wanted = {records.number[head] for head in before}
    oldest = min(wanted, default=0)
    waiting = [records.number[head] for head in heads]
    met = set(waiting)
    while waiting:
        for parent in records.parents[waiting.pop()]:
            if parent >= oldest and parent not in met:
                met.add(parent)
                waiting.append(parent)
    return wanted <= met


def own_settings(settings: FeatureSettings, service: str) -> FeatureSettings:
    """Return the conventions of one service as if they were those of all."""
    return FeatureSettings(conventions=settings.conventions_of(service))


class _Touches:
    """Tells which services a commit belongs to, of those that live in some paths of the repository only."""

    def __init__(self, parts: Mapping[str, tuple[str, ...]]) -> None:
        self._below: dict[str, list[str]] = defaultdict(list)
        for service, roots in parts.items():
            for root in roots:
                self._below[str(PurePosixPath(root))].append(service)

    def of(self, paths: list[str]) -> tuple[str, ...]:
        if not self._below:
            return ()
        places = self._below.keys() & _with_folders(paths)
        return tuple(sorted({service for place in places for service in self._below[place]}))


def _with_folders(paths: list[str]) -> set[str]:
    """Return the paths and all folders above them, `.` among them."""
    found = {*paths, "."}
    for path in paths:
        at = path.rfind("/")
        while at > 0 and (folder := path[:at]) not in found:
            found.add(folder)
            at = path.rfind("/", 0, at)
    return found


def _tips(records: Records) -> tuple[str, ...]:
    """Return the commits that together contain all that are there."""
    is_parent = bytearray(len(records))
    for parents in records.parents:
        for parent in parents:
            is_parent[parent] = 1
    return tuple(id for at, id in enumerate(records.ids) if not is_parent[at])
