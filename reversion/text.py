"""Text from outside made fit for people, and values made fit for digests."""

import difflib
import hashlib
import json
import re
import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")


class Value(BaseModel):
    """A frozen value, compared by content; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(document: Any) -> str:
    """Write JSON that is the same text for the same content: sorted keys, no spaces, UTF-8."""
    if isinstance(document, BaseModel):
        document = document.model_dump(mode="json", by_alias=True)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(document: Any) -> str:
    """Return the SHA-256 of the canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def plain(text: str, limit: int = 200) -> str:
    """Return one line without control, escape or bidirectional characters, at most `limit` long."""
    cleaned = "".join(
        " " if character.isspace() else character
        for character in _ANSI.sub("", text[: limit * 8])
        if character not in _BIDIRECTIONAL
        and (character.isspace() or unicodedata.category(character) not in ("Cc", "Cs"))
    )
    line = " ".join(cleaned.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def counted(number: int, one: str, many: str = "") -> str:
    """Say how many of something there are: `1 file`, `2 files`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def markdown(text: str, limit: int = 200) -> str:
    """Return `plain` text escaped so that Markdown and HTML show it literally, also in a table's cell."""
    return (
        _MARKDOWN.sub(r"\\\1", plain(text, limit)).replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
    )


def closest(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that was most likely meant, or None where none is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return near[0] if near else None


def glob(pattern: str) -> re.Pattern[str]:
    """Return the expression for a whole path: `*` and `?` stay within a folder, `**` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    spelled = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(spelled.get(part, re.escape(part)) for part in parts), re.DOTALL)
