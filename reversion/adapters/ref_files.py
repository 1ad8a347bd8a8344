"""Branches and tags by the files that Git keeps them in: to start Git for it takes many times as long."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LOOSE = re.compile(rb"([0-9a-f]{40})\s*")
_PACKED = re.compile(rb"^([0-9a-f]{40}) (refs/[!-~]+)\n", re.MULTILINE)
_UNDERSTOOD = re.compile(rb"(?:#[^\n]*\n|\^[0-9a-f]{40}\n|%s)*" % _PACKED.pattern, re.MULTILINE)
_USUAL = re.compile(r"(?!.*(?:\.\.|\.lock$|@\{|\.$))[A-Za-z0-9_+=,@%-][A-Za-z0-9_.+=,@%-]*")
_NONE = b"0" * 40
_TAGS = "refs/tags/"


class References(NamedTuple):
    """What some branches stand for, by full name, without those that aren't there; and the full names of all tags."""

    branches: dict[str, str]
    tags: set[str]


def read_references(folder: Path, branches: tuple[str, ...]) -> References:
    """Read them in the order in which Git moves them: out of files of their own, into a common one.

    Raise OSError where they are not just that: a linked work tree, a table, a name that stands for another name or
    that Git may not know, longer ids, damage. What a tag's own file holds is not looked at.
    """
    if (folder / "commondir").exists() or not (folder / "refs" / "heads").is_dir():
        raise NotADirectoryError(f"{folder} keeps its references elsewhere.")
    loose = {name: id for name in branches if (id := _read(folder / name))}
    tags = set(_below(str(folder), _TAGS))
    packed = _in_pack(folder)
    found = {name: id for name in branches if (id := loose.get(name) or packed.get(name))}
    return References(found, tags.union(name for name in packed if name.startswith(_TAGS)))


def _read(file: Path) -> str | None:
    try:
        said = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    if not (match := _LOOSE.fullmatch(said)) or match[1] == _NONE:
        raise OSError(f"{file} holds no id.")
    return match[1].decode()


def _in_pack(folder: Path) -> dict[str, str]:
    try:
        listed = (folder / "packed-refs").read_bytes()
    except FileNotFoundError:
        return {}
    if not _UNDERSTOOD.fullmatch(listed):
        raise OSError("packed-refs holds something else.")
    return {name.decode(): id.decode() for id, name in _PACKED.findall(listed)}


def _below(folder: str, place: str) -> Iterator[str]:
    try:
        entries = os.scandir(f"{folder}/{place}")
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_symlink() or not _USUAL.fullmatch(entry.name):
                raise OSError(f"{place}{entry.name!a} is for Git to judge.")
            if entry.is_dir():
                yield from _below(folder, f"{place}{entry.name}/")
            else:
                yield f"{place}{entry.name}"
