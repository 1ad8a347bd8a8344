# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Unpack an artefact into an empty folder, so that nothing of it lies or points outside.

Files are written by hand, not by the archive modules' own extraction: what that refuses differs between the
versions of Python on hosts.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from typing import IO, Any

from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure, plain

_REBUILD = "Build the artefact without it"
_KEPT_BITS = 0o755
_PROGRAM = 0o755


class Tree:
    """A folder that is being filled."""

    def __init__(self, base: str, strip: int, own: Callable[[str], None]) -> None:
        self._base = base
        self._strip = strip
        self._own = own
        self._folders = {base}
        self._links: list[str] = []

    def folder(self, name: str, mode: int = 0o755) -> None:
        path = self._path(name)
        if path and path != self._base:
            self._folder(path, name)
            os.chmod(path, mode & _KEPT_BITS | 0o700)

    def file(self, name: str, source: IO[bytes], mode: int, modified: float | None = None) -> None:
        path = self._free(name)
        if path is None:
            return
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 18)
            os.fchmod(handle, mode & _KEPT_BITS | 0o400)
        self._own(path)
        if modified is not None:
            os.utime(path, (modified, modified))

    def link(self, name: str, target: str) -> None:
        path = self._free(name)
        if path is None:
            return
        if os.path.isabs(target):
            raise _outside(name, f"is a link to {plain(target, 100)}")
        os.symlink(target, path)
        self._own(path)
        self._links.append(path)

    def close(self) -> None:
        """Refuse links that lead out, now that all of them are there: one may lead through others."""
        real = os.path.realpath(self._base)
        for path in self._links:
            led = os.path.realpath(path)
            if led != real and not led.startswith(real + os.sep):
                raise _outside(os.path.relpath(path, self._base), "is a link that leads out of the release")
        if not os.listdir(self._base):
            raise Failure("the artefact holds nothing", "Look at strip, and at how it was built")

    def _path(self, name: str) -> str | None:
        """Return where a member belongs; None where `strip` takes all of its name."""
        if name.startswith("/") or "\0" in name or ".." in name.split("/"):
            raise _outside(name, "would lie outside of the release")
        parts = [part for part in name.split("/") if part not in ("", ".")][self._strip :]
        return os.path.join(self._base, *parts) if parts else None

    def _free(self, name: str) -> str | None:
        path = self._path(name)
        if path is None:
            return None
        self._folder(os.path.dirname(path), name)
        if os.path.islink(path) or os.path.isfile(path):
            os.unlink(path)  # a later member of the same name counts, as with tar itself
        return path

    def _folder(self, path: str, name: str) -> None:
        if path in self._folders:
            return
        self._folder(os.path.dirname(path), name)
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            raise _outside(name, "would lie below a link or a file") from None
        os.chmod(path, 0o755)
        self._own(path)
        self._folders.add(path)


def unpack(kind: str, source: Any, tree: Tree) -> None:
    """Fill the tree from an `Artefact`, or from the path of a folder."""
    filling = {"tar": _tar, "zip": _zip, "file": _file, "directory": _directory}[kind]
    filling(source, tree)
    tree.close()


def _file(source: Any, tree: Tree) -> None:
    tree.file(source.name, source.file, _PROGRAM)


def _tar(source: Any, tree: Tree) -> None:
    import lzma
    import tarfile
    import zlib

    try:
        with tarfile.open(fileobj=source.file, mode="r:*") as archive:
            for member in archive:
                _tar_member(archive, member, tree)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, KeyError) as error:
        raise _unreadable(source.name, error) from error


def _tar_member(archive: Any, member: Any, tree: Tree) -> None:
    if member.isdir():
        tree.folder(member.name, member.mode)
    elif member.issym():
        tree.link(member.name, member.linkname)
    elif member.isreg() or member.islnk():
        content = archive.extractfile(member)
        if content is None:
            raise _outside(member.name, "is a hard link to something that is no file")
        tree.file(member.name, content, member.mode, member.mtime)
    else:
        raise _outside(member.name, "is a device or a pipe")


def _zip(source: Any, tree: Tree) -> None:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(source.file) as archive:
            for member in archive.infolist():
                _zip_member(archive, member, tree)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _unreadable(source.name, error) from error


def _zip_member(archive: Any, member: Any, tree: Tree) -> None:
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if member.is_dir():
        tree.folder(member.filename, mode or 0o755)
    elif kind == stat.S_IFLNK:
        tree.link(member.filename, os.fsdecode(archive.read(member)))
    elif kind in (0, stat.S_IFREG):
        with archive.open(member) as content:
            tree.file(member.filename, content, mode or 0o644)
    else:
        raise _outside(member.filename, "is a device or a pipe")


def _directory(source: str, tree: Tree) -> None:
    for folder, folders, files in os.walk(source, onerror=_raise):
        inside = os.path.relpath(folder, source)
        for name in sorted(folders + files):
            _copied(os.path.join(folder, name), os.path.normpath(os.path.join(inside, name)), tree)


def _copied(path: str, name: str, tree: Tree) -> None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        tree.link(name, os.readlink(path))
    elif stat.S_ISDIR(found.st_mode):
        tree.folder(name, found.st_mode)
    elif stat.S_ISREG(found.st_mode):
        with open(path, "rb") as content:
            tree.file(name, content, found.st_mode, found.st_mtime)
    else:
        raise _outside(name, "is a device or a pipe")


def _raise(error: OSError) -> None:
    raise error


def _outside(name: str, why: str) -> Failure:
    return Failure(f"the artefact is refused: '{plain(name, 100)}' {why}", _REBUILD)


def _unreadable(name: str, error: Exception) -> Failure:
    return Failure(f"{name} can't be unpacked: {plain(str(error))}", "Look at format, or build the artefact again")
