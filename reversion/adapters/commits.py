"""Read commits out of one streamed `git log`."""

from collections.abc import Callable, Iterator
from itertools import chain

from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.features.records import Commit

_ID_LENGTH = 40
_LOG = (
    "log",
    "-z",
    "--topo-order",
    "--reverse",
    "--no-color",
    "--no-show-signature",
    "--no-notes",
    "--encoding=UTF-8",
    "--format=%H%x1f%P%x1f%B",
)
_WITH_PATHS = ("--root", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--diff-merges=off")


def read_commits(
    repository: Repository,
    starts: tuple[str, ...],
    known: tuple[str, ...] = (),
    touched: Callable[[list[str]], tuple[str, ...]] | None = None,
) -> Iterator[list[Commit]]:
    """Yield in batches all that the ids contain and the known ids don't, parents first; known ids may be gone.

    `touched` says what a commit touches, from the paths that it changes; with it, added paths are told too.
    Machine fields lead, so no message can be taken for a commit.
    """
    arguments = (*_LOG, *(_WITH_PATHS if touched else ()), "--ignore-missing", "--stdin")
    asked = "".join(f"{id}\n" for id in (*starts, *(f"^{id}" for id in known)))
    batches = _pieces(repository.stream(*arguments, stdin=asked))
    if touched is None:
        for pieces in batches:
            yield _parsed(pieces)
        return
    current: Commit | None = None
    changes: list[tuple[str, str]] = []
    status = ""
    for piece in chain.from_iterable(batches):
        if status:
            changes.append((status, piece))
            status = ""
        elif (raw := piece.lstrip("\n")).startswith(":"):
            status = raw[-1:]
        else:
            if current:
                yield [_with_paths(current, changes, touched)]
            (current,), changes = _parsed([piece]), []
    if current:
        yield [_with_paths(current, changes, touched)]


def _with_paths(
    commit: Commit, changes: list[tuple[str, str]], touched: Callable[[list[str]], tuple[str, ...]]
) -> Commit:
    added = tuple(path for status, path in changes if status == "A")
    return commit._replace(added=added, touched=touched([path for _, path in changes]))


def _parsed(records: list[str]) -> list[Commit]:
    parted = (record.split("\x1f", 2) for record in records)
    commits = [Commit(id, parents, message) for id, parents, message in parted]
    if not all(len(commit.id) == _ID_LENGTH for commit in commits):
        raise RepositoryFailed("Git's log could not be understood.", "Update Git, then try again.")
    return commits


def _pieces(blocks: Iterator[bytes]) -> Iterator[list[str]]:
    """Yield what lies between NULs, by block, and nothing empty."""
    rest: list[bytes] = []
    for block in blocks:
        whole, nul, begun = block.rpartition(b"\0")
        if nul:
            text = b"".join((*rest, whole)).decode("utf-8", "replace")
            yield list(filter(None, text.split("\0")))
            rest = [begun]
        else:
            rest.append(begun)
    if last := b"".join(rest).decode("utf-8", "replace"):
        yield [last]
