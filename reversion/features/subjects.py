"""What a subject says by its form, `feat(cart)!: gift cards`. Pure."""

import re
from collections.abc import Container
from typing import NamedTuple

_TYPED = re.compile(r"([A-Za-z]{2,20})(?:\(([^()]{0,100})\))?(!?):[ \t]+(?=\S)")
_SPELLED = {"feature": "feat", "bugfix": "fix", "hotfix": "fix", "sec": "security", "doc": "docs", "tests": "test"}
_KNOWN = frozenset(
    ("feat", "fix", "perf", "security", "refactor", "docs", "style", "test", "build", "ci", "chore", "revert")
)


class Typed(NamedTuple):
    """A Conventional Commit's subject in its parts; the type is spelled as the specification does."""

    type: str
    scope: str
    breaks: bool
    rest: str


def typed(subject: str) -> Typed | None:
    """Return the parts of a subject that begins with a type, whichever word that is."""
    match = _TYPED.match(subject)
    return Typed(spelled(match[1]), match[2] or "", bool(match[3]), subject[match.end() :]) if match else None


def spelled(type: str) -> str:
    lowered = type.lower()
    return _SPELLED.get(lowered, lowered)


def is_part(subject: str, counted: Container[str]) -> bool:
    """Tell whether a commit of that subject is a part of what it names: by its type, or because it breaks something.

    A word that is no known type (`cart: add totals`) marks nothing.
    """
    match = _TYPED.match(subject)
    type = spelled(match[1]) if match else ""
    if match is None or (type not in _KNOWN and type not in counted):
        return "unmarked" in counted
    return type in counted or bool(match[3])
