"""What people are told a feature is: title, kind, link. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

from reversion.feature_settings import CatalogueEntry
from reversion.features.messages import without_pull_requests
from reversion.features.subjects import typed
from reversion.features.titles import Kind as Kind
from reversion.features.titles import Title
from reversion.text import plain

_SECURITY = re.compile(r"\[?(?:security|sec)\b", re.IGNORECASE)
_FIX = re.compile(r"\[?(?:fix(?:es|ed)?|bugfix|hotfix)\b", re.IGNORECASE)
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|<\s*>")
_AT_ENDS = " :-,;|/"


Says = Literal["security", "feat", "fix"]


class Description(NamedTuple):
    """What is the same for a feature at every vector; its fields are those of the feature."""

    title: str
    kind: Kind
    url: str
    owner: str
    status: Literal["", "planned", "in-progress", "done", "retired"]
    needs: tuple[str, ...]


class Told(NamedTuple):
    """What one service's commits say that a feature is; `feat` is the title that a `feat` subject gives.

    `says` are those of security, feat and fix that its subjects say.
    """

    feat: str
    title: str
    says: tuple[Says, ...]
    url: str


def told_by(ids: tuple[str, ...], subjects: Sequence[str], url: str) -> Told:
    """Read a feature's commits' subjects: the first `feat` subject, else the first at all, and their kinds.

    `ids` are the feature's own and its further keys, which are left out of titles. What is a `feat` says of no fix:
    it stays a feature.
    """
    feat = title = ""
    says: set[Says] = set()
    whole = "\n".join(subjects).lower()
    for subject in _with("sec", subjects, whole):
        type, scope, rest = _parts(subject, ids)
        if "security" in (type, scope.lower()) or _SECURITY.match(rest):
            says.add("security")
            break
    for subject in _with("feat", subjects, whole):
        type, _, rest = _parts(subject, ids)
        if type == "feat":
            says.add("feat")
            if feat := _bare(rest):
                break
    for subject in subjects if not feat else ():
        type, _, rest = _parts(subject, ids)
        if type == "fix" or _FIX.match(rest):
            says.add("fix")
        title = title or _bare(rest)
    return Told(feat, feat or title, tuple(sorted(says)), plain(url, 500) if url else "")


def _with(word: str, subjects: Sequence[str], lowered: str) -> Iterator[str]:
    """Yield the subjects that hold the word in whatever case; `lowered` are all of them, by line, in lower case."""
    at = lowered.find(word)
    while at >= 0:
        yield subjects[lowered.count("\n", 0, at)]
        end = lowered.find("\n", at)
        at = lowered.find(word, end) if end >= 0 else -1


def describe(
    id: str, told: Sequence[Told], page: str, entry: CatalogueEntry | None, title: Title | None = None
) -> Description:
    """Describe a feature by what people wrote down about it, else by its tracker, else by each service's commits.

    Its `page` is used where its commits hold no link.
    """
    url = next((one.url for one in told if one.url), page)
    return Description(
        _title_of(id, told, entry, title),
        _kind_of(told, entry, title),
        (entry.url if entry else None) or url or (title.url if title else ""),
        (entry.owner if entry else None) or "",
        (entry.status if entry else None) or "",
        entry.needs if entry else (),
    )


def _title_of(id: str, told: Sequence[Told], entry: CatalogueEntry | None, title: Title | None) -> str:
    """Return the catalogue's title, else the tracker's, else the first `feat` subject or the first, without ids."""
    if entry and entry.title:
        return plain(entry.title)
    if title:
        return title.title
    return next((text for text in (*(one.feat for one in told), *(one.title for one in told)) if text), id)


def _kind_of(told: Sequence[Told], entry: CatalogueEntry | None, title: Title | None) -> Kind:
    """Return the catalogue's kind, else security where a subject says so, else the tracker's, else the subjects'.

    A feature that is mended later stays a feature: of the types `feat` counts before `fix`.
    """
    if entry and entry.kind:
        return entry.kind
    says = {kind for one in told for kind in one.says}
    if "security" in says:
        return "security"
    if title and title.kind:
        return title.kind
    return "fix" if "fix" in says and "feat" not in says else "feature"


def tracker_url(id: str, template: str | None) -> str:
    return template.replace("{id}", quote(id, safe="")) if template else ""


def in_order(kind: Kind, id: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Return what sorts security fixes first, then fixes, then features, each by id with numbers as numbers."""
    parts = re.split(r"([0-9]+)", id)
    by_id = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
    return ("security", "fix", "feature").index(kind), by_id


def _parts(subject: str, ids: tuple[str, ...]) -> tuple[str, str, str]:
    """Part a subject into type, scope and what is left of it without ids; the type may follow an id."""
    found = typed(subject)
    bare = found.rest if found else subject
    for id in ids:
        bare = _without(bare, id)
    bare = bare.strip(_AT_ENDS)
    if found is None and (found := typed(bare)):
        bare = found.rest
    return (found.type, found.scope, bare) if found else ("", "", bare)


def _without(text: str, id: str) -> str:
    """Blank the id out where it stands by itself, and the brackets around it."""
    at = text.find(id)
    if at < 0:
        return text
    while at >= 0:
        end = at + len(id)
        if not text[max(at - 1, 0) : at].isalnum() and not text[end : end + 1].isalnum():
            text = f"{text[:at]} {text[end:]}"
            end = at
        at = text.find(id, end)
    return _without_empty(text)


def _bare(text: str) -> str:
    return plain(_without_empty(without_pull_requests(text.strip()))).strip(_AT_ENDS)


def _without_empty(text: str) -> str:
    """Blank out brackets that hold nothing."""
    closes = ")" in text or "]" in text or "}" in text or ">" in text
    return _EMPTY.sub(" ", text) if closes else text
