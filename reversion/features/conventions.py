"""Which features a commit message names. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from reversion.features.messages import clip, pull_requests, trailers
from reversion.product import FEATURE_PATTERN, FeatureSettings, Key, Line, Pattern, PullRequest, Trailer

_ID = re.compile(FEATURE_PATTERN)
_AROUND = "()[]{}<>\"'`.,;:"
_LOOKS_LIKE_ID = re.compile(r"[0-9_/#-]")


class Named(NamedTuple):
    """A feature's id as a message names it, and the link that it was found in, if it was one."""

    id: str
    url: str = ""


def mentions(message: str, service: str, settings: FeatureSettings) -> tuple[str, ...]:
    """Return the ids of the features that a message names, in the order of the conventions, each once.

    Only the message's first 200,000 characters are looked at, and only the first 1,000 of each line, so that nobody
    can stall a review with a commit message.
    """
    return tuple(named.id for named in names_in(message, service, settings))


def names_in(message: str, service: str, settings: FeatureSettings) -> tuple[Named, ...]:
    """Return what `mentions` does, with links."""
    text = clip(message)
    found: dict[str, Named] = {}
    for convention in settings.conventions:
        match convention:
            case Line():
                ids = _on_lines(text, convention.names)
            case Trailer():
                ids = _in_trailers(text, convention.names)
            case Key():
                ids = (Named(key) for key in _keys(convention.projects).findall(text))
            case Pattern():
                ids = _by_pattern(text, convention.regex)
            case PullRequest():
                ids = (Named(f"{service}#{number}") for number in pull_requests(text)[:1])
        for named in ids:
            found.setdefault(named.id, named)
    return tuple(found.values())


def _on_lines(text: str, names: tuple[str, ...]) -> Iterator[Named]:
    for value in _lines(names).findall(text):
        yield from _ids_of(value)


def _in_trailers(text: str, names: tuple[str, ...]) -> Iterator[Named]:
    wanted = {name.casefold() for name in names}
    for name, value in trailers(text):
        if name.casefold() in wanted:
            yield from _ids_of(value)


def _ids_of(value: str) -> Iterator[Named]:
    """Part a value at commas, then at spaces.

    Of several words between two commas, only those with a digit, `-`, `_`, `/` or `#` are ids: the rest is prose.
    """
    for piece in value.split(","):
        words = [word.strip(_AROUND).lstrip("#") for word in piece.split()]
        for word in words:
            if _ID.fullmatch(word) and (len(words) == 1 or _LOOKS_LIKE_ID.search(word)):
                yield Named(word)


def _by_pattern(text: str, regex: str) -> Iterator[Named]:
    for line in text.split("\n"):
        for match in re.finditer(regex, line):
            if match["id"] and _ID.fullmatch(match["id"]):
                link = match[0] if match[0].startswith(("https://", "http://")) else ""
                yield Named(match["id"], link)


@lru_cache(maxsize=256)
def _lines(names: tuple[str, ...]) -> re.Pattern[str]:
    any_name = "|".join(re.escape(name) for name in names)
    return re.compile(rf"^[ \t]*(?:{any_name})[ \t]*:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)


@lru_cache(maxsize=256)
def _keys(projects: tuple[str, ...]) -> re.Pattern[str]:
    """Match `SHOP-42`, and not a part of `E-SHOP-42`, `SHOP-42B` or `SHOP-4.2`."""
    any_project = "|".join(re.escape(project) for project in projects)
    return re.compile(rf"(?<![A-Za-z0-9_-])(?:{any_project})-[1-9][0-9]{{0,9}}(?![A-Za-z0-9_]|\.[0-9])")
