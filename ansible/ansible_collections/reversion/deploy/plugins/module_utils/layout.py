# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Where the releases of a service lie.

ROOT/releases/<version>     a release, whole: it gets its name in one step
ROOT/releases/.new-*        one that is being made; ROOT/releases/.gone-* one that is being removed
ROOT/current, ROOT/previous links to a release
ROOT/.restart-pending       there while something was changed that the running service may not have taken up
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure

MARK = ".release.json"
_LOCK_SECONDS = 30
_HALVES = (".new-", ".gone-")
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL)


class Layout:
    """The folders, links and marks of one service."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.releases = os.path.join(root, "releases")
        self.pending = os.path.join(root, ".restart-pending")

    def release(self, version: str) -> str:
        return os.path.join(self.releases, version)

    def has(self, version: str) -> bool:
        return os.path.isdir(self.release(version))

    def linked(self, name: str) -> str | None:
        """Return the version that a link points at; None where it points elsewhere or is not there."""
        path = os.path.join(self.root, name)
        if os.path.lexists(path) and not os.path.islink(path):
            raise Failure(
                f"{path} is not a link",
                "Move it away once, for instance into releases/ under its version's name",
            )
        target = os.path.realpath(path)
        inside = os.path.dirname(target) == os.path.realpath(self.releases)
        return os.path.basename(target) if inside and os.path.islink(path) else None

    def target(self, name: str) -> str | None:
        """Return what a link says, literally; None where there is no link."""
        path = os.path.join(self.root, name)
        return os.readlink(path) if os.path.islink(path) else None

    def point(self, name: str, target: str | None) -> None:
        """Let a link say something else in one step, so that it always points somewhere; None removes it."""
        path = os.path.join(self.root, name)
        half = os.path.join(self.root, f".{name}.new")
        for there in (half,) if target else (half, path):
            with suppress(FileNotFoundError):
                os.unlink(there)
        if target:
            os.symlink(target, half)
            os.replace(half, path)

    def prepare(self) -> None:
        """Make the folders that are not there, whatever the umask."""
        for path in (self.root, self.releases):
            if not os.path.isdir(path):
                os.makedirs(path)
                os.chmod(path, 0o755)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else change this service meanwhile; a killed run leaves no lock behind."""
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(handle, self.root)
            yield
        finally:
            os.close(handle)

    def surplus(self, keep: int, held: set[str]) -> list[str]:
        """Return the releases that are too many, longest unused first; only those that were made from here."""
        made = [name for name in _listed(self.releases) if os.path.isfile(os.path.join(self.release(name), MARK))]
        rest = sorted((name for name in made if name not in held and name[0] != "."), key=self._used)
        return rest[: max(0, len(rest) - max(0, keep - len(held)))]

    def leftovers(self) -> list[str]:
        """Return what a killed run left half made or half removed."""
        return [name for name in _listed(self.releases) if name.startswith(_HALVES)]

    def remove(self, name: str) -> None:
        """Remove a release or a leftover; its name is taken from it first, so that no half of it can be used."""
        gone = name if name.startswith(_HALVES) else f".gone-{name}"
        if gone != name:
            os.rename(self.release(name), self.release(gone))
        path = self.release(gone)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def _used(self, name: str) -> float:
        return os.stat(self.release(name)).st_mtime


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _lock(handle: int, root: str) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return None  # a file system without locks, such as some of NFS
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if time.monotonic() > deadline:
            raise Failure(
                f"another run has been working in {root} for {_LOCK_SECONDS} seconds",
                "Wait until it has ended, then run again",
            )
        time.sleep(0.1)
