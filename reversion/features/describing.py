"""What people are told a feature is: title, kind, link. Pure."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

from reversion.features.messages import without_pull_requests
from reversion.product import CatalogueEntry
from reversion.text import plain

Kind = Literal["feature", "fix", "security"]

_TYPED = re.compile(r"([A-Za-z]{2,20})(?:\(([^()]{0,100})\))?!?:[ \t]+(?=\S)")
_SECURITY = re.compile(r"\[?(?:security|sec)\b", re.IGNORECASE)
_FIX = re.compile(r"\[?(?:fix(?:es|ed)?|bugfix|hotfix)\b", re.IGNORECASE)
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|<\s*>")
_FEATURE_TYPES = ("feat", "feature")


class Description(NamedTuple):
    """What is the same for a feature at every vector."""

    title: str
    kind: Kind
    url: str
    owner: str


def describe(id: str, subjects: Sequence[str], url: str, entry: CatalogueEntry | None) -> Description:
    """Describe a feature by what people wrote down about it, else by its commits' subjects."""
    return Description(
        title_of(id, subjects, entry),
        kind_of(subjects, entry),
        (entry.url if entry else None) or plain(url, 500),
        (entry.owner if entry else None) or "",
    )


def title_of(id: str, subjects: Sequence[str], entry: CatalogueEntry | None) -> str:
    """Return the catalogue's title, else the first `feat` subject, else the first, without the id."""
    if entry and entry.title:
        return plain(entry.title)
    feats = (subject for subject in subjects if _type_of(subject) in _FEATURE_TYPES)
    return next((title for one in (*feats, *subjects) if (title := _bare(one, id))), id)


def kind_of(subjects: Sequence[str], entry: CatalogueEntry | None) -> Kind:
    """Return the catalogue's kind, else what the subjects say: security before fix before feature."""
    if entry and entry.kind:
        return entry.kind
    if any(_SECURITY.match(subject) or _scope_of(subject) == "security" for subject in subjects):
        return "security"
    return "fix" if any(_FIX.match(subject) for subject in subjects) else "feature"


def tracker_url(id: str, template: str | None) -> str:
    return template.replace("{id}", quote(id, safe="")) if template else ""


def in_order(kind: Kind, id: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Return what sorts security fixes first, then fixes, then features, each by id with numbers as numbers."""
    parts = re.split(r"([0-9]+)", id)
    by_id = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
    return ("security", "fix", "feature").index(kind), by_id


def _type_of(subject: str) -> str:
    match = _TYPED.match(subject)
    return match[1].lower() if match else ""


def _scope_of(subject: str) -> str:
    match = _TYPED.match(subject)
    return (match[2] or "").lower() if match else ""


def _bare(subject: str, id: str) -> str:
    """Return a subject without the id, the conventional type, and the brackets and dashes that these leave behind."""
    text = without_pull_requests(_TYPED.sub("", subject, count=1))
    text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(id)}(?![A-Za-z0-9])", " ", text)
    return plain(_EMPTY.sub(" ", text)).strip(" :-,;|/")
