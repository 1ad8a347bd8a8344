"""Regular expressions that people write in the product file, matched in time that grows with the text only. Pure.

RE2 never goes back over a text, so no expression can stall it. What it lacks for that reason, look-around and
back-references, is refused when the product file is read.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol, cast

_LARGEST_PROGRAM = 2_000
_MOST_MATCHES = 100


class _Match(Protocol):
    def group(self, *groups: int) -> tuple[bytes | None, ...]: ...


class _Compiled(Protocol):
    programsize: int
    groupindex: dict[bytes, int]

    def finditer(self, text: bytes) -> Iterator[_Match]: ...
    def fullmatch(self, text: bytes) -> _Match | None: ...


def check(regex: str) -> str:
    """Return a regular expression with a group named `id` as it is; raise ValueError for anything else."""
    if b"id" not in _compiled(regex).groupindex:
        raise ValueError("needs a group named id, e.g. (?P<id>\\w+)")
    return regex


def matches(regex: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the group `id` and all that was matched, for the first hundred matches in the text.

    `^` and `$` are a line's begin and end, and `.` stays within a line.
    """
    compiled = _compiled(regex)
    group = compiled.groupindex[b"id"]
    for _, match in zip(range(_MOST_MATCHES), compiled.finditer(text.encode("utf-8", "replace")), strict=False):
        yield _texts(match, group)


def whole_match(regex: str, text: str) -> str:
    """Return the group `id` where the expression matches the whole text, else nothing."""
    compiled = _compiled(regex)
    match = compiled.fullmatch(text.encode("utf-8", "replace"))
    return _texts(match, compiled.groupindex[b"id"])[0] if match else ""


def _texts(match: _Match, group: int) -> tuple[str, str]:
    id, whole = (found.decode("utf-8", "replace") if found else "" for found in match.group(group, 0))
    return id, whole


@lru_cache(maxsize=256)
def _compiled(regex: str) -> _Compiled:
    import re2  # only where a product has such an expression: it takes a while

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = cast(_Compiled, re2.compile(f"(?m){regex}".encode(), options))
    except re2.error as error:
        raise ValueError(f"is no regular expression that can be used: {_reason(error.args[0])}") from error
    if compiled.programsize > _LARGEST_PROGRAM:
        raise ValueError("is too large a regular expression; repeat fewer things")
    return compiled


def _reason(told: bytes | str) -> str:
    reason = (told.decode("utf-8", "replace") if isinstance(told, bytes) else told).replace("(?m)", "")
    lacks = "operator" in reason or "escape" in reason
    return f"{reason}; there is no look-around and no back-reference" if lacks else reason
