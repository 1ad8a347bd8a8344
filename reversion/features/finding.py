"""How each convention finds features: made ready once, then called for many messages at a time. Pure."""

import re
import string
from collections.abc import Callable, Iterable
from typing import NamedTuple

from reversion.feature_settings import (
    Convention,
    Conventional,
    Fragments,
    Key,
    Line,
    MergeBranch,
    Pattern,
    PullRequest,
    Trailer,
)
from reversion.features.messages import Messages, pull_requests, subject_of, trailers
from reversion.features.subjects import typed
from reversion.names import FEATURE_PATTERN
from reversion.patterns import matches, whole_match

SERVICE = "{service}"
"""What stands for the service's name in the form of an id."""
_ID = re.compile(FEATURE_PATTERN)
_AROUND = "()[]{}<>\"'`.,;:"
_AT_ENDS = _AROUND + string.whitespace
_LOOKS_LIKE_ID = re.compile(r"[0-9_/#-]")
_MERGED = re.compile(
    r"Merge (?:remote-tracking )?branch(?:es)? ((?:(?:, | and )?'[^']{1,250}'){1,20})"
    r"|Merge pull request #?[0-9]{1,9}(?: in \S{1,250})? from (\S{1,250})"
    r"|Merged in (\S{1,250}) \(pull request #[0-9]{1,9}\)"
    r"|Pull request #[0-9]{1,9}: [^\n]{0,1000}\n\s{0,9}Merge in \S{1,250} from (\S{1,250})"
)
_KEY = r"{begin}(?<![A-Za-z0-9_-]{begin})[1-9][0-9]{{0,9}}(?![A-Za-z0-9_]|\.[0-9])"
"""What stands before a key is looked at last: so Python looks for the text that it begins with, which is quick."""
_NOTE = re.compile(r"(.{1,200})-[0-9a-f]{16}\.ya?ml")


class Named(NamedTuple):
    """A feature's id as a commit names it, the link that it was found in, and its kind, where these are told."""

    id: str
    url: str = ""
    kind: str = ""


Found = Iterable[tuple[int, Named]]
Find = Callable[[Messages], Found]
"""Yields the number of a message with each feature that it names; of one message in the order of the names."""


def finder(convention: Convention, service: str) -> Find:
    match convention:
        case Line(names=names):
            return _on_lines(names)
        case Trailer(names=names):
            return _in_trailers(names)
        case Key():
            return _by_key(convention)
        case Pattern(regex=regex, form=form):
            return _by_pattern(regex, _former(form, service))
        case PullRequest():
            return _by_pull(service)
        case MergeBranch(projects=projects):
            return _by_branch(projects)
        case Conventional():
            return _by_scope(convention, _shape(convention, service))
        case Fragments():
            return _by_fragment(convention, _shape(convention, service))


def _by_pull(service: str) -> Find:
    def find(messages: Messages) -> Found:
        for at, text in enumerate(messages.texts):
            for number in pull_requests(text, subject_of(text))[:1]:
                yield at, Named(f"{service}#{number}")

    return find


def _on_lines(names: tuple[str, ...]) -> Find:
    wanted = tuple({name.lower() for name in names})

    def find(messages: Messages) -> Found:
        values = [
            (at, *value)
            for name in wanted
            for at, _ in messages.holding_in_any_case(name)
            for value in _values(messages.texts[at], messages.lowered(at), name)
        ]
        return [(at, named) for at, _, value in sorted(values) for named in _ids_of(value)]

    return find


def _values(text: str, lowered: str, name: str) -> list[tuple[int, str]]:
    """Return where each line `name: value` begins, and its value."""
    found = []
    at = lowered.find(name)
    while at >= 0:
        begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        end = len(text) if end < 0 else end
        value = text[at + len(name) : end].lstrip(" \t")
        if value.startswith(":") and (begin == at or not text[begin:at].strip(" \t")):
            found.append((begin, value[1:]))
        at = lowered.find(name, end)
    return found


def _in_trailers(names: tuple[str, ...]) -> Find:
    wanted = {name.lower() for name in names}

    def find(messages: Messages) -> Found:
        for at in sorted({at for name in wanted for at, _ in messages.holding_in_any_case(name)}):
            for name, value in trailers(messages.texts[at]):
                if name.lower() in wanted:
                    yield from ((at, named) for named in _ids_of(value))

    return find


def _by_key(convention: Key) -> Find:
    """Find `SHOP-42`, and not a part of `E-SHOP-42`, `SHOP-42B` or `SHOP-4.2`."""
    begins = tuple(f"{project}-" for project in dict.fromkeys(convention.projects))
    keys = tuple(re.compile(_KEY.format(begin=re.escape(begin))) for begin in begins)
    only = convention.where[0] if len(set(convention.where)) == 1 else None

    def find(messages: Messages) -> Found:
        texts = messages.texts
        if only == "subject":
            texts = list(map(subject_of, texts))
        elif only:
            texts = [text.lstrip("\r\n").partition("\n")[2] for text in texts]
        if len(keys) == 1:
            found = [(number, key) for number, text in enumerate(texts) for key in keys[0].findall(text)]
        else:
            found = [
                (number, match[0])
                for number, places in sorted(_gathered(begins, messages).items())
                for match in sorted(
                    (match for at in places for match in keys[at].finditer(texts[number])), key=re.Match.start
                )
            ]
        named = {key: Named(key) for key in {key for _, key in found}}
        return [(number, named[key]) for number, key in found]

    return find


def _gathered(marks: Iterable[str], messages: Messages) -> dict[int, list[int]]:
    """Return for each message that holds some of the marks which of them these are."""
    found: dict[int, list[int]] = {}
    for place, mark in enumerate(marks):
        for number, _ in messages.holding(mark):
            found.setdefault(number, []).append(place)
    return found


def _by_pattern(regex: str, formed: Callable[[str], str]) -> Find:
    def find(messages: Messages) -> Found:
        for at, text in enumerate(messages.texts):
            for found, whole in matches(regex, text):
                if id := formed(found):
                    yield at, Named(id, whole if whole.startswith(("https://", "http://")) else "")

    return find


def _by_branch(projects: tuple[str, ...]) -> Find:
    """Find keys in the merged branch's name, however it is cased, and never in that of the branch merged into."""
    spelled = {project.lower(): project for project in projects}
    any_project = "|".join(re.escape(project) for project in spelled)
    key = re.compile(rf"(?<![a-z0-9])({any_project})-([1-9][0-9]{{0,9}})(?![a-z0-9]|\.[0-9])")

    def find(messages: Messages) -> Found:
        for at, _ in messages.holding("erge"):
            for project, number in key.findall(merged_branches(messages.texts[at]).lower()):
                yield at, Named(f"{spelled[project]}-{number}")

    return find


def merged_branches(text: str) -> str:
    """Return the names of the branches that a message says were merged, as it writes them, or nothing."""
    if "erge" not in text[:2_000]:
        return ""
    match = _MERGED.match(text.lstrip("\r\n"))
    return next(filter(None, match.groups()), "") if match else ""


def _by_scope(convention: Conventional, shape: Callable[[str], str]) -> Find:
    if convention.scope_is == "ignore":
        return lambda _: ()

    def find(messages: Messages) -> Found:
        for at, text in enumerate(messages.texts):
            found = typed(subject_of(text))
            for scope in found.scope.split(",") if found else ():
                if id := shape(scope.strip()):
                    yield at, Named(id)

    return find


def _by_fragment(convention: Fragments, shape: Callable[[str], str]) -> Find:
    folder = convention.folder.rstrip("/") + "/"
    part = _in_note if convention.style == "reno" else _in_fragment(dict(convention.types))

    def find(messages: Messages) -> Found:
        for at, added in enumerate(messages.added):
            for path in added:
                if path.startswith(folder) and "/" not in (name := path[len(folder) :]):
                    told, kind = part(name)
                    if told and (id := shape(told)):
                        yield at, Named(id, kind=kind)

    return find


def _in_note(name: str) -> tuple[str, str]:
    match = _NOTE.fullmatch(name)
    return (match[1], "") if match else ("", "")


def _in_fragment(types: dict[str, str]) -> Callable[[str], tuple[str, str]]:
    """Part `fix-1.2.bugfix.1.md` at its last word that is a type; `+anything` belongs to no issue."""

    def part(name: str) -> tuple[str, str]:
        words = name.split(".")
        at = next((at for at in range(len(words) - 1, 0, -1) if words[at] in types), 0)
        return (".".join(words[:at]), types[words[at]]) if at and not name.startswith("+") else ("", "")

    return part


def _shape(convention: Conventional | Fragments, service: str) -> Callable[[str], str]:
    """Return what makes an id of a scope or a file's name, or nothing where there is none in it."""
    regex, formed = convention.pattern, _former(convention.form or "{id}", service)
    return lambda text: formed(whole_match(regex, text) if regex else text)


def _former(form: str, service: str) -> Callable[[str], str]:
    """Return what writes an id in its form, or nothing where that is no feature's id.

    Without a service, as where several share a history, its place is left open for `naming.Naming`.
    """
    tried = form.replace(SERVICE, service or "s")
    written = form.replace(SERVICE, service) if service else form

    def formed(id: str) -> str:
        return written.replace("{id}", id) if id and _ID.fullmatch(tried.replace("{id}", id)) else ""

    return formed


def _ids_of(value: str) -> list[Named]:
    """Part a value at commas, then at spaces.

    Of several words between two commas, only those with a digit, `-`, `_`, `/` or `#` are ids: the rest is prose.
    """
    only = value.strip(_AT_ENDS)
    if _ID.fullmatch(only):
        return [Named(only)]
    found = []
    for piece in value.split(","):
        words = [word.strip(_AROUND).lstrip("#") for word in piece.split()]
        for word in words:
            if _ID.fullmatch(word) and (len(words) == 1 or _LOOKS_LIKE_ID.search(word)):
                found.append(Named(word))
    return found
