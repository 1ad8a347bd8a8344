"""Read services' histories from Git: which commit a version is, what was committed, which migrations lie between."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reversion.adapters.commits import read_commits
from reversion.adapters.mirrors import location_of, open_source
from reversion.adapters.repository import Repository
from reversion.errors import ReversionError
from reversion.features.values import Commit, History, Mapped
from reversion.product import Service
from reversion.text import plain

__all__ = ["map_version", "migrations_between", "open_source", "read_all", "read_history"]

_SIDE_BY_SIDE = 8
_ABBREVIATED = re.compile(r"[0-9a-f]{7,40}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@=-]{0,200}")


def map_version(repository: Repository, service: Service, version: str) -> Mapped:
    """Return the commit that a version names: by tag in the service's own forms, else by commit id."""
    forms = service.references(version)
    for name in forms:
        if _is_tag_name(name) and (commit := repository.resolve(f"refs/tags/{name}")):
            return Mapped(service=service.name, version=version, commit=commit, mapped_by=f"tag {name}")
    commits = _by_id(repository, version)
    if len(commits) == 1:
        return Mapped(service=service.name, version=version, commit=commits[0], mapped_by="commit id")
    tried = " or ".join(f"tag '{plain(name, 80)}'" for name in forms)
    problem = f"{service.name} {plain(version, 80)}: the repository has no {tried}, and no commit of that id."
    if commits:
        problem = f"{service.name}: the ids of several commits begin with {plain(version, 40)}."
    return Mapped(service=service.name, version=version, problem=problem)


def read_history(repository: Repository, service: Service, commits: tuple[str, ...]) -> History:
    """Read all that the tracked branches and the given commits contain, in one pass."""
    return _read_together(repository, (service,), {service.name: commits})[0]


def migrations_between(repository: Repository, service: Service, old: str, new: str) -> tuple[str, ...]:
    """Return the files of the service's migrations that differ between two commits, in order."""
    if not service.migrations or old == new:
        return ()
    wanted = re.compile("|".join(_as_regex(glob) for glob in service.migrations))
    changed = {path for _, path in repository.changed_files(old, new)}
    return tuple(sorted(path for path in changed if wanted.fullmatch(path)))


def read_all(
    services: tuple[Service, ...],
    root: Path,
    home: Path,
    versions: Mapping[str, frozenset[str]],
    *,
    refresh: bool = True,
) -> tuple[tuple[History, ...], tuple[Mapped, ...]]:
    """Read every service side by side, each repository once; `versions` are those to map, for each service.

    A repository that can't be read becomes a problem in its services' values, never an error.
    """
    groups: dict[str, list[Service]] = {}
    for service in services:
        groups.setdefault(location_of(service, root), []).append(service)

    def read(group: list[Service]) -> list[tuple[History, tuple[Mapped, ...]]]:
        return _read_group(tuple(group), root, home, versions, refresh=refresh)

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        found = {
            history.service: (history, mapped) for part in pool.map(read, groups.values()) for history, mapped in part
        }
    histories = tuple(found[service.name][0] for service in services)
    return histories, tuple(mapped for service in services for mapped in found[service.name][1])


def _read_group(
    services: tuple[Service, ...],
    root: Path,
    home: Path,
    versions: Mapping[str, frozenset[str]],
    *,
    refresh: bool,
) -> list[tuple[History, tuple[Mapped, ...]]]:
    """Read the services of one repository."""
    wanted = {service.name: sorted(versions.get(service.name, ())) for service in services}
    try:
        repository = open_source(services[0], root, home, refresh=refresh)
        mapped = {
            service.name: tuple(map_version(repository, service, version) for version in wanted[service.name])
            for service in services
        }
        commits = {name: tuple(one.commit for one in found if one.commit) for name, found in mapped.items()}
        histories = _read_together(repository, services, commits)
    except (ReversionError, OSError) as error:
        problem = plain(str(error), 500)
        return [
            (
                History(service.name, problem=problem),
                tuple(
                    Mapped(service=service.name, version=version, problem=problem) for version in wanted[service.name]
                ),
            )
            for service in services
        ]
    return [(history, mapped[history.service]) for history in histories]


def _read_together(
    repository: Repository, services: tuple[Service, ...], commits: Mapping[str, tuple[str, ...]]
) -> tuple[History, ...]:
    """Read services that share a repository in one pass, then give each what its own branches contain."""
    heads = {service.name: _tracked(repository, service) for service in services}
    starts = {name: (*found, *commits.get(name, ())) for name, found in heads.items()}
    everything = tuple(dict.fromkeys(id for found in starts.values() for id in found))
    with_paths = any(service.paths for service in services)
    read = tuple(read_commits(repository, everything, with_paths=with_paths)) if everything else ()
    return tuple(
        _history(
            service,
            heads[service.name],
            read if len(services) == 1 else _contained(read, starts[service.name]),
        )
        for service in services
    )


def _history(service: Service, heads: tuple[str, ...], commits: tuple[Commit, ...]) -> History:
    problem = ""
    if not heads:
        problem = (
            f"The repository of {service.name} has no branch {' or '.join(service.tracked)}. "
            f"Correct services.{service.name}.tracked in reversion.yaml."
        )
    return History(service.name, commits, heads, problem, service.paths)


def _tracked(repository: Repository, service: Service) -> tuple[str, ...]:
    found = (
        repository.resolve(f"refs/heads/{name}") or repository.resolve(f"refs/remotes/origin/{name}")
        for name in service.tracked
    )
    return tuple(dict.fromkeys(commit for commit in found if commit))


def _contained(commits: tuple[Commit, ...], starts: tuple[str, ...]) -> tuple[Commit, ...]:
    wanted = set(starts)
    kept: list[Commit] = []
    for commit in reversed(commits):
        if commit.id in wanted:
            wanted.update(commit.parents)
            kept.append(commit)
    return tuple(reversed(kept))


def _by_id(repository: Repository, version: str) -> tuple[str, ...]:
    """Return the commits whose id is the version, or begins with it."""
    if not _ABBREVIATED.fullmatch(version):
        return ()
    if len(version) == 40:
        return (version,) if repository.resolve(version) == version else ()
    listed = repository.run("rev-parse", f"--disambiguate={version}").split()
    return tuple(id for id in listed if repository.resolve(id) == id)


def _is_tag_name(name: str) -> bool:
    return bool(_TAG.fullmatch(name)) and ".." not in name and "@{" not in name and not name.endswith("/")


def _as_regex(glob: str) -> str:
    """Translate a glob: `**` stands for any folders, `*` and `?` for characters other than a slash."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part, re.escape(part)) for part in parts)
