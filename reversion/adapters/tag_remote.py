"""Snapshots and the product's remote: pushed only where there is none of that name, fetched without force."""

import re

from reversion.adapters.repository import Repository
from reversion.adapters.tag_objects import tagger
from reversion.errors import Refused, RepositoryFailed, ReversionError, SnapshotInvalid
from reversion.snapshot import Recorded
from reversion.text import plain

_SPACE = "refs/tags/reversion/*:refs/tags/reversion/*"


def push(repository: Repository, recorded: Recorded) -> None:
    """Push one snapshot to `origin`; the same tag being there already is success.

    Raise Refused where another tag has the name there, or where the remote's rules decline it.
    """
    try:
        repository.run("push", "origin", f"{recorded.tag_object}:refs/tags/{recorded.tag}")
    except RepositoryFailed as error:
        raise _explained(repository, recorded, error) from error


def sync(repository: Repository) -> None:
    """Fetch the snapshots that others recorded; raise SnapshotInvalid where one was moved at the remote."""
    if not repository.has_remote():
        return
    try:
        repository.run("fetch", "--no-prune", "--no-tags", "origin", _SPACE)
    except RepositoryFailed as error:
        moved = re.findall(r"-> (\S+)\s+\(would clobber existing tag\)", _said(error))
        if not moved:
            raise
        told = ", ".join(map(plain, moved[:5]))
        raise SnapshotInvalid(
            f"At the remote, {told} no longer names the snapshot that was recorded.",
            "Find out who moved it; the one in this repository is the one that was seen first.",
        ) from error


def unpushed(repository: Repository) -> tuple[str, ...]:
    """Return the snapshots that `origin` lacks, or has as another object; empty without a remote."""
    if not repository.has_remote():
        return ()
    listed = repository.run("ls-remote", "origin", "refs/tags/reversion/*").splitlines()
    there = {ref: object_id for object_id, _, ref in (line.partition("\t") for line in listed)}
    form = "--format=%(objectname) %(refname)"
    here = repository.run("for-each-ref", form, "refs/tags/reversion/").splitlines()
    pairs = (line.split(" ", 1) for line in here)
    return tuple(ref.removeprefix("refs/tags/") for object_id, ref in pairs if there.get(ref) != object_id)


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
