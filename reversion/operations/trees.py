"""The product's tree at a commit, unpacked for one job and removed after it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reversion.adapters.removal import remove
from reversion.adapters.watchdog import Job, watched
from reversion.errors import WorldFailed
from reversion.operations.workspace import Workspace
from reversion.text import plain


@contextmanager
def unpacked(workspace: Workspace, commit: str, keep_current: tuple[str, ...] = ()) -> Iterator[Path]:
    """Unpack the tree of a commit, readable by its owner only; paths in `keep_current` are the newest commit's.

    Raise WorldFailed where the disk does not take it.
    """
    try:
        directory = Path(tempfile.mkdtemp(prefix="reversion-"))
    except OSError as error:
        raise _no_room(error) from error
    try:
        tree = directory / "tree"
        with watched(Job(directory)):
            _fill(tree, workspace, commit, keep_current)
            yield tree
    finally:
        remove(directory)


def _fill(tree: Path, workspace: Workspace, commit: str, keep_current: tuple[str, ...]) -> None:
    try:
        tree.mkdir(mode=0o700)
        workspace.repository.export(commit, tree)
        for path in keep_current:
            _bring_current(workspace, tree, path)
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> WorldFailed:
    why = plain(error.strerror or str(error))
    return WorldFailed(
        f"The product's files could not be unpacked in {tempfile.gettempdir()}: {why}.",
        "Make room there, or name another disk for the worker with TMPDIR.",
    )


def _bring_current(workspace: Workspace, tree: Path, path: str) -> None:
    old = tree / path
    for above in Path(path).parents:
        if (tree / above).is_file() or (tree / above).is_symlink():
            (tree / above).unlink()
    if old.is_dir() and not old.is_symlink():
        remove(old)
    else:
        old.unlink(missing_ok=True)
    if workspace.repository.list_files(workspace.head, path):
        workspace.repository.export(workspace.head, tree, path)
