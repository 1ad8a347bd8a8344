"""A commit's files written into a directory, exactly as they were committed."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reversion.errors import RepositoryFailed
from reversion.text import plain

_LINK = "120000"
_SUBMODULE = "160000"
_EXECUTABLE = "100755"


@dataclass(frozen=True)
class Entry:
    """One file of a tree: Git's mode, the blob's id, the path."""

    mode: str
    id: str
    path: str


def read_entries(listed: str, repository: Path) -> tuple[Entry, ...]:
    """Read `git ls-tree -r -z`; leave submodules out and refuse paths that lead elsewhere."""
    entries = []
    for line in filter(None, listed.split("\0")):
        facts, _, path = line.partition("\t")
        mode, _, blob = facts.split(" ")
        if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
            raise RepositoryFailed(f"A tree in {repository} holds the path '{plain(path)}', which leads elsewhere.")
        if mode != _SUBMODULE:
            entries.append(Entry(mode, blob, path))
    return tuple(entries)


def write(entries: tuple[Entry, ...], contents: Iterable[bytes | None], directory: Path) -> None:
    """Write the files, links last, so that nothing is ever written through a link."""
    links = []
    for entry, content in zip(entries, contents, strict=True):
        if content is None:
            raise RepositoryFailed(
                f"The content of {plain(entry.path)} is missing from the repository.", "Fetch it whole."
            )
        if entry.mode == _LINK:
            links.append((directory / entry.path, content))
            continue
        _write_file(directory / entry.path, content, 0o755 if entry.mode == _EXECUTABLE else 0o644)
    for place, target in links:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.fsdecode(target))
    _refuse_escapes([place for place, _ in links], directory)


def _write_file(place: Path, content: bytes, mode: int) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
    except (OSError, ValueError) as error:
        raise RepositoryFailed(
            f"{plain(str(place))} could not be written: {plain(str(error))}.",
            "Where the disk is full, make room there, or name another one for the worker with TMPDIR.",
        ) from error


def _refuse_escapes(links: list[Path], directory: Path) -> None:
    inside = os.path.realpath(directory) + os.sep
    for place in links:
        if not (os.path.realpath(place) + os.sep).startswith(inside):
            raise RepositoryFailed(
                f"The link {plain(str(place.relative_to(directory)))} leads out of the product.", "Remove it."
            )
