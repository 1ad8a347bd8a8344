"""Read commits out of one streamed `git log`."""

from collections.abc import Callable, Iterator

from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.features.records import Commit, Commits

_ID_LENGTH = 40
_FIELDS = 3
_LOG = (
    "log",
    "-z",
    "--topo-order",
    "--reverse",
    "--no-color",
    "--no-show-signature",
    "--no-notes",
    "--encoding=UTF-8",
    "--format=%H%x00%P%x00%B",
)
_WITH_PATHS = ("--root", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--diff-merges=off")


def read_commits(
    repository: Repository,
    starts: tuple[str, ...],
    known: tuple[str, ...] = (),
    touched: Callable[[list[str]], tuple[str, ...]] | None = None,
) -> Iterator[Commits]:
    """Let Git begin to tell, in batches, all that the ids contain and the known ids don't; known ids may be gone.

    Parents come first.

    `touched` says what a commit touches, from the paths that it changes; with it, added paths are told too.
    Git ends a message at a NUL, so no message can be taken for a commit.
    """
    arguments = (*_LOG, *(_WITH_PATHS if touched else ()), "--ignore-missing", "--stdin")
    asked = "".join(f"{id}\n" for id in (*starts, *(f"^{id}" for id in known)))
    batches = _fields(repository.stream(*arguments, stdin=asked))
    return _checked(_with_paths(batches, touched) if touched else _alone(batches))


def _checked(batches: Iterator[Commits]) -> Iterator[Commits]:
    for commits in batches:
        if set(map(len, commits.ids)) - {_ID_LENGTH}:
            raise RepositoryFailed("Git's log could not be understood.", "Update Git, then try again.")
        yield commits


def _alone(batches: Iterator[list[str]]) -> Iterator[Commits]:
    """Take every three fields for a commit."""
    begun: list[str] = []
    for fields in batches:
        begun += fields
        whole = len(begun) - len(begun) % _FIELDS
        yield Commits(begun[0:whole:_FIELDS], begun[1:whole:_FIELDS], begun[2:whole:_FIELDS])
        begun = begun[whole:]
    if begun:
        yield Commits(begun, begun, begun)


def _with_paths(batches: Iterator[list[str]], touched: Callable[[list[str]], tuple[str, ...]]) -> Iterator[Commits]:
    """Take three fields for a commit, and after these, while one begins with a colon, that one and a path."""
    commit: list[str] = []
    changes: list[tuple[str, str]] = []
    status = ""
    for fields in batches:
        told = []
        for field in fields:
            if status:
                changes.append((status, field))
                status = ""
            elif len(commit) < _FIELDS:
                commit.append(field)
            elif (raw := field.lstrip("\n")).startswith(":"):
                status = raw[-1:]
            else:
                told.append(_with_changes(commit, changes, touched))
                commit, changes = [field], []
        if told:
            yield Commits.of(told)
    if commit:
        yield Commits.of([_with_changes(commit, changes, touched)])


def _with_changes(
    commit: list[str], changes: list[tuple[str, str]], touched: Callable[[list[str]], tuple[str, ...]]
) -> Commit:
    id, parents, message = commit if len(commit) == _FIELDS else ("", "", "")
    added = tuple(path for status, path in changes if status == "A")
    return Commit(id, parents, message, added, touched([path for _, path in changes]))


def _fields(blocks: Iterator[bytes]) -> Iterator[list[str]]:
    """Yield what ends at NULs, by block."""
    rest: list[bytes] = []
    for block in blocks:
        whole, nul, begun = block.rpartition(b"\0")
        if nul:
            yield b"".join((*rest, whole)).decode("utf-8", "replace").split("\0")
            rest = [begun]
        else:
            rest.append(begun)
    if last := b"".join(rest).decode("utf-8", "replace"):
        yield [last]
