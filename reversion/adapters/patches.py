"""Compare reverts with what they take back: by patch id, without context, so that lines may have moved meanwhile."""

import time
from collections.abc import Iterable
from contextlib import closing, suppress

from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.features.patches import Patch, Undone

_MOST = 500
_TOGETHER = 50
_SECONDS = 20
_LONGEST = 32 << 20
_DIFF = (
    "diff-tree",
    "--stdin",
    "--root",
    "-r",
    "-p",
    "-U0",
    "--full-index",
    "--no-renames",
    "--no-prefix",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
)
_KNOWN: dict[tuple[Undone, tuple[str, ...]], bool] = {}
_REMEMBERED = 20_000


class _TooLong(Exception):
    """More was changed than is looked at."""


def are_whole(
    repository: Repository, undone: Iterable[Undone], paths: tuple[str, ...] = ()
) -> dict[Undone, bool | None]:
    """Tell of each revert whether it takes back exactly what was done in these paths (none: in all).

    None where that can't be told: it has nothing to be compared with, is too large, or it would take too long. At
    most 500 reverts are looked at, for some 20 seconds; what was found is kept for the life of the process.
    """
    wanted = tuple(dict.fromkeys(undone))
    new = [one for one in wanted if one.of and (one, paths) not in _KNOWN][:_MOST]
    if len(_KNOWN) > _REMEMBERED:
        _KNOWN.clear()
    ids = _PatchIds(repository, paths)
    with suppress(RepositoryFailed):
        for start in range(0, len(new), _TOGETHER):
            _compare(ids, new[start : start + _TOGETHER], paths)
    return {one: _KNOWN.get((one, paths)) for one in wanted}


def _compare(ids: "_PatchIds", undone: list[Undone], paths: tuple[str, ...]) -> None:
    reverts = ids.of({one.revert for one in undone}, reverse=False)
    targets = ids.of({patch for one in undone for patch in one.of}, reverse=True)
    for one in undone:
        known = [targets[patch] for patch in one.of if patch in targets]
        if one.revert in reverts and known:
            is_whole = reverts[one.revert] in known
            if is_whole or len(known) == len(one.of):
                _KNOWN[one, paths] = is_whole


class _PatchIds:
    """Patch ids in one repository, until the time is up."""

    def __init__(self, repository: Repository, paths: tuple[str, ...]) -> None:
        self._repository, self._paths = repository, paths
        self._end = time.monotonic() + _SECONDS

    def of(self, patches: Iterable[Patch], *, reverse: bool) -> dict[Patch, str]:
        """Return the patch ids, empty for a patch that changes nothing; what is too large is left out."""
        by_commit = {patch.commit: patch for patch in sorted(patches)}
        return self._halved(tuple(by_commit.values()), reverse=reverse)

    def _halved(self, patches: tuple[Patch, ...], *, reverse: bool) -> dict[Patch, str]:
        if not patches:
            return {}
        try:
            return self._together(patches, reverse=reverse)
        except _TooLong:
            half = len(patches) // 2
            if not half:
                return {}
            return self._halved(patches[:half], reverse=reverse) | self._halved(patches[half:], reverse=reverse)

    def _together(self, patches: tuple[Patch, ...], *, reverse: bool) -> dict[Patch, str]:
        lines = "".join(f"{patch.commit} {patch.parent}".rstrip() + "\n" for patch in patches)
        way = ("-R",) if reverse else ()
        text = self._read((*_DIFF, *way, "--", *self._paths), lines)
        found = self._repository.run("patch-id", "--stable", stdin=text, timeout=self._seconds())
        ids = {commit: id for id, commit in (line.split() for line in found.splitlines())}
        return {patch: ids.get(patch.commit, "") for patch in patches}

    def _read(self, arguments: tuple[str, ...], lines: str) -> str:
        """Return the patches with each byte as one character, whatever their encoding: they are only compared."""
        blocks, length = [], 0
        with closing(self._repository.stream(*arguments, stdin=lines, timeout=self._seconds())) as found:
            for block in found:
                blocks.append(block)
                length += len(block)
                if length > _LONGEST:
                    raise _TooLong
        return b"".join(blocks).decode("latin-1")

    def _seconds(self) -> int:
        left = int(self._end - time.monotonic())
        if left < 1:
            raise RepositoryFailed("Comparing reverts took too long.")
        return left
