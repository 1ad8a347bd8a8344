"""Snapshots in Git: annotated tags of the product, made once, never moved, checked whenever they are read."""

import re
from collections.abc import Iterator

from reversion.adapters.repository import Found, Repository
from reversion.errors import Refused, RepositoryFailed, ReversionError, SnapshotInvalid, UnknownName
from reversion.snapshot import (
    MAX_MESSAGE,
    Broken,
    Recorded,
    Snapshot,
    compose,
    environment_and_time,
    parse,
)
from reversion.text import plain

LATEST_VERIFIED = "latest-verified"
_SPACE = "refs/tags/reversion/*:refs/tags/reversion/*"
_HEADER = re.compile(
    r"object (?P<object>[0-9a-f]{40})\ntype (?P<type>\w+)\ntag (?P<tag>[^\n]+)\ntagger (?P<tagger>[^\n]*)\n"
)


def create(repository: Repository, snapshot: Snapshot) -> Recorded:
    """Record the snapshot as an annotated tag at its product commit, and push it when there is `origin`.

    Signed when the repository's `tag.gpgSign` is true. What can't be pushed leaves no tag behind. Raise Refused
    where the remote has another tag of the name, or its rules decline the push.
    """
    name, message = compose(snapshot)
    if len(message) > MAX_MESSAGE:
        raise Refused(f"The snapshot {name} would be larger than {MAX_MESSAGE >> 20} MiB.")
    if name in names(repository, snapshot.environment):
        recorded, is_new = read(repository, name, snapshot.environment), False
    else:
        _write(repository, name, message, snapshot.product_commit)
        recorded, is_new = read(repository, name, snapshot.environment), True
    if repository.has_remote():
        try:
            repository.run("push", "origin", f"{recorded.tag_object}:refs/tags/{name}")
        except BaseException as error:
            if is_new:
                repository.run("update-ref", "-d", f"refs/tags/{name}", recorded.tag_object)
            if isinstance(error, RepositoryFailed):
                raise _why_not_pushed(repository, recorded, error) from error
            raise
    return recorded


def names(repository: Repository, environment: str | None = None) -> tuple[str, ...]:
    """Return the names of all snapshot tags, of one environment or of every one, newest first."""
    below = f"refs/tags/reversion/{environment}/" if environment else "refs/tags/reversion/"
    listed = repository.run("for-each-ref", "--format=%(refname:lstrip=2)", below).splitlines()
    dated = [(name[1:], tag) for tag in listed if (name := environment_and_time(tag))]
    return tuple(tag for _, tag in sorted(dated, reverse=True))


def newest(repository: Repository, environment: str | None, count: int) -> tuple[Recorded | Broken, ...]:
    """Read the newest snapshots through one process; those that can't be used are told as broken."""
    return tuple(_read_all(repository, names(repository, environment)[: max(count, 0)]))


def read(repository: Repository, tag_name: str, environment: str) -> Recorded:
    """Return the snapshot of that tag, checked whole, or of the label `latest-verified`.

    The name's last part alone is enough. Raise UnknownName where there is no such tag, and SnapshotInvalid where
    the tag is not, or no longer, what Reversion recorded under this name.
    """
    known = names(repository, environment)
    if tag_name == LATEST_VERIFIED:
        return _latest_verified(repository, environment, known)
    name = environment_and_time(tag_name)
    if name and name[0] != environment:
        raise SnapshotInvalid(
            f"{plain(tag_name)} is a snapshot of {name[0]}, not of {environment}.",
            f"Choose one from 'reversion snapshots {environment}'.",
        )
    wanted = tag_name if name else f"reversion/{environment}/{tag_name}"
    if wanted not in known:
        raise UnknownName.among("snapshot", tag_name, known[:5])
    recorded = _check(wanted, next(iter(repository.objects((f"refs/tags/{wanted}",), MAX_MESSAGE + 4096))))
    if _must_be_signed(repository):
        _verify_signature(repository, recorded)
    return recorded


def sync(repository: Repository) -> None:
    """Fetch the snapshots that others recorded; raise SnapshotInvalid where one was moved at the remote."""
    if not repository.has_remote():
        return
    try:
        repository.run("fetch", "--no-prune", "--no-tags", "origin", _SPACE)
    except RepositoryFailed as error:
        moved = re.findall(r"-> (\S+)\s+\(would clobber existing tag\)", _words(error))
        if not moved:
            raise
        raise SnapshotInvalid(
            f"At the remote, {', '.join(moved[:5])} no longer names the snapshot that was recorded.",
            "Find out who moved it; the one in this repository is the one that was recorded first.",
        ) from error


def unpushed(repository: Repository) -> tuple[str, ...]:
    """Return the snapshots that `origin` has not, or has under another object's id; empty without a remote."""
    if not repository.has_remote():
        return ()
    listed = repository.run("ls-remote", "origin", "refs/tags/reversion/*").splitlines()
    there = {ref: object_id for object_id, _, ref in (line.partition("\t") for line in listed)}
    form = "--format=%(objectname) %(refname)"
    here = (
        line.split(" ", 1)
        for line in repository.run("for-each-ref", form, "refs/tags/reversion/").splitlines()
    )
    return tuple(ref.removeprefix("refs/tags/") for object_id, ref in here if there.get(ref) != object_id)


def _write(repository: Repository, name: str, message: str, commit: str) -> None:
    sign = "--sign" if _is_set(repository, "tag.gpgSign") else "--no-sign"
    try:
        repository.run("tag", "-a", sign, "--cleanup=verbatim", "-F", "-", name, commit, stdin=message)
    except RepositoryFailed as error:
        if "empty ident" in _words(error) or "tell me who you are" in _words(error):
            raise RepositoryFailed(
                f"Git has no name and address for the user that runs Reversion, so {name} was not recorded.",
                "Set them: git config --global user.name NAME, git config --global user.email ADDRESS.",
            ) from error
        raise


def _why_not_pushed(repository: Repository, recorded: Recorded, error: RepositoryFailed) -> ReversionError:
    said = _words(error)
    if "already exists" in said:
        sync(repository)
        found = next(iter(repository.objects((f"refs/tags/{recorded.tag}",))))
        header = _HEADER.match(_message_of(found)) if found else None
        winner = plain(header["tagger"].rpartition(">")[0] + ">") if header else "somebody"
        return Refused(
            f"{recorded.tag} was recorded at the remote first, by {winner}.", "Use that one, or try again."
        )
    if "rejected]" in said:
        reason = re.search(r"rejected\].*?\(([^()]*)\)\s*$", said, re.MULTILINE)
        return Refused(
            f"The remote declined {recorded.tag}: {plain(reason[1]) if reason else error.message}.",
            "Ask who runs it to let Reversion create tags below reversion/.",
        )
    return RepositoryFailed(f"The snapshot {recorded.tag} was not recorded. {error.message}", error.todo)


def _latest_verified(repository: Repository, environment: str, known: tuple[str, ...]) -> Recorded:
    for start in range(0, len(known), 20):
        for found in _read_all(repository, known[start : start + 20]):
            if isinstance(found, Recorded) and found.snapshot.verified and found.snapshot.complete:
                return read(repository, found.tag, environment)
    raise UnknownName(
        f"No snapshot of {environment} is verified and complete.",
        f"Take one: reversion snapshot {environment} --verify.",
    )


def _read_all(repository: Repository, tags: tuple[str, ...]) -> Iterator[Recorded | Broken]:
    found = repository.objects(tuple(f"refs/tags/{tag}" for tag in tags), MAX_MESSAGE + 4096)
    for tag, one in zip(tags, found, strict=True):
        try:
            yield _check(tag, one)
        except SnapshotInvalid as error:
            yield Broken(tag=tag, problem=error.message)


def _check(tag: str, found: Found | None) -> Recorded:
    if found is None or found.kind != "tag":
        raise SnapshotInvalid(f"{tag} is no annotated tag, so it holds no snapshot.", "Choose another one.")
    if found.content is None:
        raise SnapshotInvalid(f"{tag} is too large: {found.size} bytes.", "Choose another one.")
    text = _message_of(found)
    header = _HEADER.match(text)
    if header is None or header["type"] != "commit":
        raise SnapshotInvalid(f"{tag} is no tag of a commit, so it holds no snapshot.", "Choose another one.")
    if header["tag"] != tag:
        raise SnapshotInvalid(
            f"{tag} was renamed: it was made as {plain(header['tag'])}.", "Choose the one with that name."
        )
    snapshot = parse(tag, text[header.end() :].removeprefix("\n"))
    if snapshot.product_commit != header["object"]:
        raise SnapshotInvalid(
            f"{tag} lies on commit {header['object'][:10]}, but was made of {snapshot.product_commit[:10]}.",
            "Choose another one.",
        )
    return Recorded(tag=tag, tag_object=found.id, snapshot=snapshot)


def _message_of(found: Found) -> str:
    return (found.content or b"").decode("utf-8", "replace")


def _must_be_signed(repository: Repository) -> bool:
    return _is_set(repository, "reversion.requireSignedSnapshots")


def _is_set(repository: Repository, key: str) -> bool:
    return repository.run("config", "--type=bool", "--default=false", "--get", key).strip() == "true"


def _verify_signature(repository: Repository, recorded: Recorded) -> None:
    try:
        repository.run("verify-tag", recorded.tag_object)
    except RepositoryFailed as error:
        raise SnapshotInvalid(
            f"{recorded.tag} has no signature that this product's Git trusts.", "Choose a signed snapshot."
        ) from error


def _words(error: RepositoryFailed) -> str:
    """Return what Git itself said, lines and all."""
    return str(getattr(error.__cause__, "stderr", "") or error.message)
