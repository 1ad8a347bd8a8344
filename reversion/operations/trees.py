"""The product's tree at a commit, unpacked for one job and removed after it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reversion.operations.workspace import Workspace


@contextmanager
def unpacked(workspace: Workspace, commit: str, keep_current: tuple[str, ...] = ()) -> Iterator[Path]:
    """Unpack the tree of a commit, readable by its owner only; paths in `keep_current` are the newest commit's."""
    directory = Path(tempfile.mkdtemp(prefix="reversion-"))
    try:
        tree = directory / "tree"
        tree.mkdir(mode=0o700)
        workspace.repository.export(commit, tree)
        for path in keep_current:
            _bring_current(workspace, tree, path)
        yield tree
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _bring_current(workspace: Workspace, tree: Path, path: str) -> None:
    old = tree / path
    for above in Path(path).parents:
        if (tree / above).is_file() or (tree / above).is_symlink():
            (tree / above).unlink()
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)
    if workspace.repository.list_files(workspace.head, path):
        workspace.repository.export(workspace.head, tree, path)
