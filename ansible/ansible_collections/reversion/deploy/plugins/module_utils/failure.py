# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""What went wrong, in words for people."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


class Failure(Exception):
    """A fact, and the next thing to do about it."""

    def __init__(self, fact: str, mend: str) -> None:
        super().__init__(fact, mend)
        self.fact = fact
        self.mend = mend


def plain(text: str, limit: int = 200) -> str:
    """Return one line without control characters, at most `limit` long."""
    line = " ".join(_CONTROL.sub(" ", text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
