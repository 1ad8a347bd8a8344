"""Read commits out of one streamed `git log`."""

from collections.abc import Iterator

from reversion.adapters.repository import COMMIT_ID, Repository
from reversion.errors import RepositoryFailed
from reversion.features.values import Commit

_LONGEST_MESSAGE = 1 << 20
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


def read_commits(repository: Repository, starts: tuple[str, ...], *, with_paths: bool) -> Iterator[Commit]:
    """Yield all that the ids contain, parents first. Machine fields lead, so no message can be taken for a commit."""
    arguments = (*_LOG, *(_WITH_PATHS if with_paths else ()), *starts, "--")
    current: tuple[str, tuple[str, ...], str] | None = None
    paths: list[str] = []
    is_path = False
    for piece in _pieces(repository.stream(*arguments)):
        if is_path:
            paths.append(piece.decode("utf-8", "replace"))
            is_path = False
        elif with_paths and piece.lstrip(b"\n").startswith(b":"):
            is_path = True
        elif piece:
            if current:
                yield Commit(*current, tuple(paths))
            current, paths = _parsed(piece), []
    if current:
        yield Commit(*current, tuple(paths))


def _parsed(record: bytes) -> tuple[str, tuple[str, ...], str]:
    id, parents, message = record.split(b"\x1f", 2)
    if not COMMIT_ID.fullmatch(id.decode("ascii", "replace")):
        raise RepositoryFailed("Git's log could not be understood.", "Update Git, then try again.")
    return id.decode(), tuple(parents.decode().split()), message[:_LONGEST_MESSAGE].decode("utf-8", "replace")


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for block in blocks:
        first, *others = block.split(b"\0")
        rest.append(first)
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    if last := b"".join(rest):
        yield last
