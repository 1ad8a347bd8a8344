"""What trackers call features, and which ids a tracker is asked for. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from reversion.text import Value, plain
from reversion.tracker_settings import REPOSITORY_PATTERN, GitHub, GitLab, Jira, Tracker, Trello

Kind = Literal["feature", "fix", "security"]

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_CARD = re.compile(r"[A-Za-z0-9]{8}|[0-9a-f]{24}")
_SCP = re.compile(r"(?:[^@/:]+@)?([^/:]+):(?!//)(.+)")
_WORDS: Mapping[Kind, frozenset[str]] = {
    "security": frozenset({"security", "security bug", "security fix", "security issue", "vulnerability"}),
    "fix": frozenset({"bug", "bugfix", "defect", "fix", "hotfix", "incident", "problem", "regression"}),
    "feature": frozenset(
        {"enhancement", "epic", "feature", "feature request", "improvement", "new feature", "story"}
    ),
}


class Title(Value):
    """What a tracker says of one feature: plain texts; `kind` is None where it does not say."""

    title: str
    kind: Kind | None = None
    url: str = ""
    status: str = ""


class Reference(NamedTuple):
    """A feature's id, and what its tracker knows it by: a key, or a number in a repository."""

    id: str
    key: str
    repository: str = ""


def titled(title: str, url: str, status: str, words: Iterable[str]) -> Title | None:
    """Make a title of a tracker's own texts; None where nothing that can be read is left of it.

    `words` are the issue's type and labels.
    """
    text = plain(title)
    return Title(title=text, kind=kind_of(words), url=plain(url, 500), status=plain(status, 60)) if text else None


def kind_of(words: Iterable[str]) -> Kind | None:
    """Return what an issue's type and labels (`Bug`, `kind/bug`, `type::bug`) say: security before fix."""
    said = {plain(re.split(r"[:/]", word)[-1], 60).lower() for word in words}
    return next((kind for kind, known in _WORDS.items() if said & known), None)


def shares(
    trackers: tuple[Tracker, ...], ids: Iterable[str], repositories: Mapping[str, str]
) -> tuple[tuple[Reference, ...], ...]:
    """Share ids out among the trackers, one tuple for each; the first that knows an id's form has it.

    `repositories` are the services' repositories, by service.
    """
    shared: tuple[list[Reference], ...] = tuple([] for _ in trackers)
    for id in ids:
        found = (
            (mine, _reference(tracker, id, repositories)) for mine, tracker in zip(shared, trackers, strict=True)
        )
        first = next(((mine, reference) for mine, reference in found if reference), None)
        if first:
            first[0].append(first[1])
    return tuple(tuple(mine) for mine in shared)


def _reference(tracker: Tracker, id: str, repositories: Mapping[str, str]) -> Reference | None:
    match tracker:
        case Jira():
            project, _, number = id.rpartition("-")
            known = project.upper() in (one.upper() for one in tracker.projects)
            return Reference(id, id.upper()) if known and _NUMBER.fullmatch(number) else None
        case Trello():
            return Reference(id, id) if _CARD.fullmatch(id) else None
        case GitHub() | GitLab() if tracker.repository:
            prefix = tracker.prefix or ""
            number = id.removeprefix(prefix)
            known = id.startswith(prefix) and _NUMBER.fullmatch(number) is not None
            return Reference(id, number, tracker.repository) if known else None
        case GitHub() | GitLab():
            service, _, number = id.rpartition("#")
            path = _path_at(tracker.url, repositories.get(service, ""))
            return Reference(id, number, path) if path and _NUMBER.fullmatch(number) else None


def _path_at(site: str, repository: str) -> str:
    """Return the repository's path at the site, `shop/cart`; nothing where it lies elsewhere."""
    try:
        here, there = urlsplit(site), urlsplit(repository)
        host, path = there.hostname or "", there.path
    except ValueError:
        return ""
    if there.scheme not in ("https", "http", "ssh"):
        match = _SCP.fullmatch(repository) if "://" not in repository else None
        host, path = (match[1].lower(), match[2]) if match else ("", "")
    if there.scheme in ("https", "http"):
        path = path.removeprefix(here.path)
    path = path.strip("/").removesuffix(".git")
    return path if host == here.hostname and re.match(REPOSITORY_PATTERN, path) else ""
