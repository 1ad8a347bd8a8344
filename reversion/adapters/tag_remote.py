"""Snapshots and the product's remote: pushed only where there is none of that name, fetched without force."""

import re
from concurrent.futures import ThreadPoolExecutor

from reversion.adapters.repository import Repository
from reversion.adapters.tag_objects import tagger
from reversion.errors import Refused, RepositoryFailed, ReversionError, SnapshotInvalid
from reversion.snapshot import Recorded, environment_and_time
from reversion.text import plain

_SPACE = "refs/tags/reversion/*:refs/tags/reversion/*"
_NAMED_ONE_BY_ONE = 100
"""How many new tags are asked for by name; Git takes minutes to match thousands of names."""


def push(repository: Repository, recorded: Recorded) -> None:
    """Push one snapshot to `origin`; the same tag being there already is success.

    Raise Refused where another tag has the name there, or where the remote's rules decline it.
    """
    try:
        repository.run("push", "origin", f"{recorded.tag_object}:refs/tags/{recorded.tag}")
    except RepositoryFailed as error:
        raise _explained(repository, recorded, error) from error


def sync(repository: Repository) -> tuple[str, ...]:
    """Fetch the snapshots that others recorded, and return the names of all that are here then; () without a remote.

    Names and ids are compared first: a fetch without anything new would still read every tag. Raise SnapshotInvalid
    where one was moved at the remote.
    """
    if not repository.has_remote():
        return ()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_there, repository)
        here = _here(repository)
        there = asked.result()
    differing = [tag for tag, object_id in there.items() if here.get(tag) != object_id and environment_and_time(tag)]
    moved = [tag for tag in differing if tag in here]
    if new := [tag for tag in differing if tag not in here]:
        _fetch(repository, new, expects_refusals=bool(moved))
    if moved:
        told = ", ".join(map(plain, moved[:5]))
        raise SnapshotInvalid(
            f"At the remote, {told} no longer names the snapshot that was recorded.",
            "Find out who moved it; the one in this repository is the one that was seen first.",
        )
    return (*here, *new)


def unpushed(repository: Repository) -> tuple[str, ...]:
    """Return the snapshots that `origin` lacks, or has as another object; empty without a remote."""
    if not repository.has_remote():
        return ()
    there = _there(repository)
    differing = (tag for tag, object_id in _here(repository).items() if there.get(tag) != object_id)
    return tuple(tag for tag in differing if environment_and_time(tag))


def _here(repository: Repository) -> dict[str, str]:
    """Return the id of each tag object below reversion/."""
    listed = repository.run("for-each-ref", "--format=%(objectname)\t%(refname)", "refs/tags/reversion/")
    return _by_name(listed)


def _there(repository: Repository) -> dict[str, str]:
    return _by_name(repository.run("ls-remote", "--refs", "origin", "refs/tags/reversion/*"))


def _by_name(listed: str) -> dict[str, str]:
    pairs = (line.split("\t", 1) for line in listed.splitlines())
    return {ref.removeprefix("refs/tags/"): object_id for object_id, ref in pairs}


def _fetch(repository: Repository, tags: list[str], *, expects_refusals: bool) -> None:
    """Fetch these tags, or all where they are many; then Git refuses those that were moved, and says so."""
    by_name = [f"refs/tags/{tag}:refs/tags/{tag}" for tag in tags]
    many = len(tags) > _NAMED_ONE_BY_ONE
    try:
        repository.run("fetch", "--no-prune", "--no-tags", "origin", *([_SPACE] if many else by_name))
    except RepositoryFailed as error:
        if not (many and expects_refusals and "would clobber existing tag" in _said(error)):
            raise


def _explained(repository: Repository, recorded: Recorded, error: RepositoryFailed) -> ReversionError:
    said = _said(error)
    if "already exists" in said:
        winner = _winner(repository, recorded.tag)
        return Refused(
            f"{recorded.tag} was recorded at the remote first, by {winner}.", "Use that one, or try again."
        )
    if "rejected]" in said:
        reason = re.search(r"rejected\].*\(([^()]*)\)\s*$", said, re.MULTILINE)
        return Refused(
            f"The remote declined {recorded.tag}: {plain(reason[1]) if reason else error.message}.",
            "Ask who runs it to let Reversion create tags below reversion/.",
        )
    return RepositoryFailed(f"The snapshot {recorded.tag} was not recorded. {error.message}", error.todo)


def _winner(repository: Repository, tag: str) -> str:
    """Say who made the tag that has the name at the remote; it is fetched without giving it a name here."""
    repository.run("fetch", "--no-tags", "--no-prune", "origin", f"refs/tags/{tag}")
    return tagger(repository.object("FETCH_HEAD"))


def _said(error: RepositoryFailed) -> str:
    """Return what Git itself said, line by line."""
    return str(getattr(error.__cause__, "stderr", "") or error.message)
