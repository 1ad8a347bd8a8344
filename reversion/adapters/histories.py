"""Services' repositories: which commit a version is, and which migrations lie between two."""

import re
from collections.abc import Mapping

from reversion.adapters.mirrors import open_source
from reversion.adapters.repository import Repository
from reversion.features.values import Mapped
from reversion.product import Service
from reversion.text import plain

__all__ = ["heads_of", "map_version", "migrations_between", "open_source", "tracked_branches", "tracked_heads"]

_ABBREVIATED = re.compile(r"[0-9a-f]{7,40}")


def map_version(repository: Repository, service: Service, version: str, refs: Mapping[str, str]) -> Mapped:
    """Return the commit that a version names: by tag in the service's own forms, else by commit id."""
    forms = service.references(version)
    for name in forms:
        if commit := refs.get(f"refs/tags/{name}"):
            return Mapped(service=service.name, version=version, commit=commit, mapped_by=f"tag {name}")
    commits = _by_id(repository, version)
    if len(commits) == 1:
        return Mapped(service=service.name, version=version, commit=commits[0], mapped_by="commit id")
    tried = " or ".join(f"tag '{plain(name, 80)}'" for name in forms)
    problem = f"{service.name} {plain(version, 80)}: the repository has no {tried}, and no commit of that id."
    if commits:
        problem = f"{service.name}: the ids of several commits begin with {plain(version, 40)}."
    return Mapped(service=service.name, version=version, problem=problem)


def tracked_branches(service: Service) -> tuple[str, ...]:
    """Return the full names that the tracked branches may have, here or as `origin` has them."""
    return tuple(f"refs/{place}/{name}" for name in service.tracked for place in ("heads", "remotes/origin"))


def heads_of(repository: Repository, service: Service) -> tuple[str, ...]:
    """Return the commits at the heads of the service's tracked branches as they are now."""
    return tracked_heads(service, repository.references(tracked_branches(service)).branches)


def tracked_heads(service: Service, refs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the commits at the heads of the tracked branches, here or as `origin` has them."""
    found = (refs.get(f"refs/heads/{name}") or refs.get(f"refs/remotes/origin/{name}") for name in service.tracked)
    return tuple(dict.fromkeys(commit for commit in found if commit))


def migrations_between(repository: Repository, service: Service, old: str, new: str) -> tuple[str, ...]:
    """Return the files of the service's migrations that differ between two commits, in order."""
    if not service.migrations or old == new:
        return ()
    wanted = re.compile("|".join(_as_regex(glob) for glob in service.migrations))
    changed = {path for _, path in repository.changed_files(old, new)}
    return tuple(sorted(path for path in changed if wanted.fullmatch(path)))


def _by_id(repository: Repository, version: str) -> tuple[str, ...]:
    """Return the commits whose id is the version, or begins with it."""
    if not _ABBREVIATED.fullmatch(version):
        return ()
    if len(version) == 40:
        return (version,) if repository.resolve(version) == version else ()
    listed = repository.run("rev-parse", f"--disambiguate={version}").split()
    return tuple(id for id in listed if repository.resolve(id) == id)


def _as_regex(glob: str) -> str:
    """Translate a glob: `**` stands for any folders, `*` and `?` for characters other than a slash."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part, re.escape(part)) for part in parts)
