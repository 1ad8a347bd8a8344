"""Text from outside made fit for people, and values made fit for digests."""

import difflib
import hashlib
import json
import re
import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~@]|:(?=//)|(?<=www)\.|^[-+](?=\s)|(?<=^\d)[.)](?=\s))", re.IGNORECASE)
"""What means something in Markdown; also what makes a link of a bare address, and a list of a line's beginning."""


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
    """Return one line without control, escape, bidirectional or invisible characters, at most `limit` long."""
    cleaned = text if text.isascii() and text.isprintable() else _cleaned(text[: limit * 8])
    line = " ".join(cleaned.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _cleaned(text: str) -> str:
    return "".join(
        " " if character.isspace() else character
        for character in _ANSI.sub("", text)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )


def counted(number: int, one: str, many: str = "") -> str:
    """Say how many of something there are: `1 file`, `2 files`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def markdown(text: str, limit: int = 200) -> str:
    """Return `plain` text escaped so that Markdown and HTML show it literally, also in a table's cell.

    An address in it is text, no link. `from_markdown` takes the escaping back.
    """
    return (
        _MARKDOWN.sub(r"\\\1", plain(text, limit)).replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
    )


def from_markdown(text: str) -> str:
    """Return the plain text that `markdown` escaped."""
    plainer = text.replace("&lt;", "\\<").replace("&gt;", "\\>").replace("&amp;", "&")
    return re.sub(r"\\([\\`*_{}\[\]<>|#~@:.)+-])", r"\1", plainer)


def closest(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that was most likely meant, or None where none is near."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.6)), None)


def near(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return up to five known names that may have been meant, the likeliest first, whatever their case."""
    spelled = {one.casefold(): one for one in known}
    return tuple(spelled[one] for one in difflib.get_close_matches(name.casefold(), spelled, n=5, cutoff=0.6))


def glob(pattern: str) -> re.Pattern[str]:
    """Return the expression for a whole path: `*` and `?` stay within a folder, `**` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    spelled = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(spelled.get(part, re.escape(part)) for part in parts), re.DOTALL)
