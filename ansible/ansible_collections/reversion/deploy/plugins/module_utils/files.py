# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Configuration files: compared first, then each replaced in one step."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure, plain

_HIDDEN = "(sensitive)\n"
_SECRET, _OPEN = 0o600, 0o644


class Content:
    """What a file holds, and whose it is; -1 for an owner or group that does not matter."""

    def __init__(self, data: bytes, mode: int, user: int, group: int) -> None:
        self.data = data
        self.mode = mode
        self.user = user
        self.group = group

    def is_met_by(self, other: Content | None) -> bool:
        """Say whether a file that is there needs no change."""
        if other is None or (self.data, self.mode) != (other.data, other.mode):
            return False
        return self.user in (-1, other.user) and self.group in (-1, other.group)


class ConfigFile:
    """One configuration file: where, what, and whether it may be shown."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.dest: str = entry["dest"]
        self.sensitive: bool = entry["sensitive"]
        self.is_absolute = os.path.isabs(self.dest)
        self.content = Content(
            entry["content"].encode("utf-8", "surrogateescape"),
            _mode(entry["mode"], _SECRET if self.sensitive else _OPEN, self.dest),
            user_id(entry["owner"]),
            group_id(entry["group"]),
        )
        if not self.dest or ".." in self.dest.split("/") or "\0" in self.dest or self.dest.endswith("/"):
            raise Failure(f"config: '{plain(self.dest, 100)}' is no path of a file", "Write it without '..'")

    def path(self, release: str) -> str:
        return self.dest if self.is_absolute else os.path.join(release, self.dest)

    def diff(self, path: str, before: Content | None) -> dict[str, str]:
        told = {"before_header": path, "after_header": path}
        if self.sensitive:
            return {**told, "before": _HIDDEN if before else "", "after": _HIDDEN}
        return {**told, "before": _text(before), "after": _text(self.content)}


def check_place(config: ConfigFile, root: str, roots: list[str]) -> None:
    """Refuse a path that lies outside of where configuration may be; links on the way are followed first."""
    if not config.is_absolute:
        return
    real = os.path.join(os.path.realpath(os.path.dirname(config.dest)), os.path.basename(config.dest))
    where = os.path.realpath(root)
    if any(_lies_in(real, os.path.join(where, name)) for name in ("releases", "current", "previous")):
        raise Failure(f"config: {config.dest} lies in a release", "Write its path relative to the release")
    if not any(_lies_in(real, os.path.realpath(allowed)) for allowed in (root, *roots)):
        raise Failure(f"config: {config.dest} is not below {root}", "Name its folder in config_roots")


def check_inside(path: str, release: str) -> None:
    """Refuse a relative path that a link in the release leads out of it."""
    if not _lies_in(os.path.realpath(os.path.dirname(path)), os.path.realpath(release)):
        raise Failure(f"config: a link leads {path} out of the release", "Choose another path for it")


def read(path: str) -> Content | None:
    """Return what is there; None for no file."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            return Content(file.read(), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: str, content: Content | None) -> None:
    """Replace a file in one step, with its rights set before it has its name; None removes it."""
    if content is None:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
        return
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    half = os.path.join(folder, f".{name}.{os.getpid()}.new")
    try:
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content.data)
            os.fchown(handle, content.user, content.group)
            os.fchmod(handle, content.mode)
        os.replace(half, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(half)
        raise


def user_id(name: str | None) -> int:
    """Return a user's number; -1 for no name."""
    import pwd

    return _looked_up(name, "user", lambda known: pwd.getpwnam(known).pw_uid)


def group_id(name: str | None) -> int:
    """Return a group's number; -1 for no name."""
    import grp

    return _looked_up(name, "group", lambda known: grp.getgrnam(known).gr_gid)


def _looked_up(name: str | None, kind: str, find: Any) -> int:
    if name is None:
        return -1
    if name.isdecimal():
        return int(name)
    try:
        return int(find(name))
    except KeyError:
        told = f"there is no {kind} '{plain(name, 60)}' on this host"
        raise Failure(told, "Create it, or correct the name") from None


def _mode(given: Any, default: int, dest: str) -> int:
    if given is None:
        return default
    try:
        mode = given if isinstance(given, int) else int(str(given), 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise Failure(f"config: the mode of {plain(dest, 100)} is no octal number", "Write it as '0640', in quotes")
    return mode


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _text(content: Content | None) -> str:
    return content.data.decode("utf-8", "replace") if content else ""
