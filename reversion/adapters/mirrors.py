"""Services' repositories: local ones used as they are, remote ones through bare mirrors below Reversion's home."""

import fcntl
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.product import Service
from reversion.text import plain

_SCHEMES = ("https", "ssh", "file")
_LIKE_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^-\s][^\s]*")
_FETCH_TIMEOUT = 900
_CONFIG = """[core]
	repositoryformatversion = 0
	bare = true
[fetch]
	fsckObjects = true
[transfer]
	fsckObjects = true
[gc]
	autoDetach = false
"""


def open_source(service: Service, root: Path, home: Path, *, refresh: bool = True) -> Repository:
    """Return the service's repository; one behind a URL as a mirror, brought up to date when `refresh` is set.

    A path is taken from the product's root. Raise RepositoryFailed where there is none, where it is a shallow clone,
    or where the remote does not answer.
    """
    is_url = is_remote(service.repository)
    repository = _mirror(service, home, refresh=refresh) if is_url else _local(service, root)
    if repository.is_shallow():
        raise RepositoryFailed(
            f"The repository of {service.name} is a shallow clone, so its history can't be judged.",
            f"Run 'git fetch --unshallow' in {repository.path}, or name the full repository.",
        )
    return repository


def is_remote(location: str) -> bool:
    return "://" in location or bool(_LIKE_SCP.fullmatch(location))


def location_of(service: Service, root: Path) -> str:
    """Return the URL or the absolute path that tells one repository from another."""
    return service.repository if is_remote(service.repository) else str((root / service.repository).resolve())


def shown(url: str) -> str:
    """Return a URL without its credentials."""
    if "://" not in url:
        return plain(url, 300)
    parts = urlsplit(url)
    return plain(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), 300)


def _local(service: Service, root: Path) -> Repository:
    path = root / service.repository
    mend = f"Correct services.{service.name}.repository in reversion.yaml."
    try:
        repository = Repository(path)
    except RepositoryFailed as error:
        raise RepositoryFailed(
            f"The repository of {service.name} can't be read at {path}: {error.message}", mend
        ) from error
    if not ((path / ".git").exists() or (path / "HEAD").is_file()):
        raise RepositoryFailed(f"The repository of {service.name} at {path} is only a folder of another.", mend)
    return repository


def _mirror(service: Service, home: Path, *, refresh: bool) -> Repository:
    url = _checked(service)
    path = home / "mirrors" / _folder(url)
    if not refresh and not (path / "HEAD").is_file():
        raise RepositoryFailed(
            f"The repository of {service.name} at {shown(url)} was never fetched.",
            "Run the same command with the network allowed.",
        )
    _make(path)
    repository = Repository(path)
    if refresh:
        with _alone(path):
            _fetch(repository, service, url)
    return repository


def _checked(service: Service) -> str:
    """Refuse what is no plain remote, and a password: it would be seen in the list of processes and in errors."""
    url = service.repository
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None
    except ValueError as error:
        raise RepositoryFailed(
            f"The repository of {service.name} has no valid URL.",
            f"Correct services.{service.name}.repository in reversion.yaml.",
        ) from error
    if parts.scheme not in _SCHEMES or (parts.hostname or "").startswith("-"):
        raise RepositoryFailed(
            f"The repository of {service.name} at {shown(url)} can't be fetched by {plain(parts.scheme, 20)}.",
            "Name it by https, ssh, file, or as user@host:path.",
        )
    if has_password:
        raise RepositoryFailed(
            f"The URL of {service.name}'s repository at {shown(url)} holds a password.",
            "Take it out, and keep it in a Git credential helper.",
        )
    return url


def _folder(url: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", shown(url).removesuffix(".git")).strip("-")[-60:]
    return f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"


def _make(path: Path) -> None:
    """Lay out an empty bare repository that checks what it fetches. HEAD comes last: with it, the mirror is whole."""
    if (path / "HEAD").is_file():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in ("objects", "refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "config").write_text(_CONFIG)
    (path / "HEAD").write_text("ref: refs/heads/main\n")


def _fetch(repository: Repository, service: Service, url: str) -> None:
    """Fetch branches and tags and nothing else. A tag that was moved keeps the commit first seen under its name."""
    try:
        repository.run(
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--",
            url,
            "+refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*",
            timeout=_FETCH_TIMEOUT,
        )
    except RepositoryFailed as error:
        if _is_about_moved_tags(error):
            return
        raise RepositoryFailed(
            f"The repository of {service.name} at {shown(url)} could not be fetched: {error.message}",
            "Check the URL, the network and the credentials of the user that runs Reversion.",
        ) from error


def _is_about_moved_tags(error: RepositoryFailed) -> bool:
    """Tell whether all was fetched but tags that would have moved: Git ends with 1 then, and quietly."""
    cause = error.__cause__
    return getattr(cause, "status", None) == 1 and not str(getattr(cause, "stderr", "")).strip()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from fetching into the same mirror at the same time."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
