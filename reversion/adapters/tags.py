"""Snapshots in Git: annotated tags of the product, made once, never moved, checked whenever they are read."""

from collections.abc import Iterable, Iterator

from reversion.adapters.repository import Repository
from reversion.adapters.tag_objects import MAX_TAG, check, demand_signature, is_set
from reversion.adapters.tag_remote import push, sync, unpushed
from reversion.errors import Refused, RepositoryFailed, SnapshotInvalid, UnknownName
from reversion.snapshot import MAX_MESSAGE, Broken, Recorded, Snapshot, compose, environment_and_time
from reversion.text import plain

__all__ = ["LATEST_VERIFIED", "create", "names", "newest", "read", "refuse_other_tag", "sync", "unpushed"]

LATEST_VERIFIED = "latest-verified"


def create(repository: Repository, snapshot: Snapshot) -> Recorded:
    """Record the snapshot as an annotated tag at its product commit, and push it when there is `origin`.

    Signed when the repository's `tag.gpgSign` is true. What can't be pushed leaves no tag behind. Raise
    Refused where the remote has another tag of the name, or its rules decline the push.
    """
    name, message = compose(snapshot)
    if len(message.encode()) > MAX_MESSAGE:
        raise Refused(f"The snapshot {name} would be larger than {MAX_MESSAGE >> 20} MiB.")
    is_new = name not in names(repository, snapshot.environment)
    if is_new:
        _write(repository, name, message, snapshot.product_commit)
    try:
        recorded = read(repository, name, snapshot.environment)
        if repository.has_remote():
            push(repository, recorded)
    except BaseException:
        if is_new:
            repository.run("update-ref", "-d", f"refs/tags/{name}")
        raise
    return recorded


def names(repository: Repository, environment: str | None = None) -> tuple[str, ...]:
    """Return the names of all snapshot tags, of one environment or of every one, newest first."""
    below = f"refs/tags/reversion/{environment}/" if environment else "refs/tags/reversion/"
    listed = repository.run("for-each-ref", "--format=%(refname:lstrip=2)", below).splitlines()
    return _ordered(listed, environment)


def _ordered(listed: Iterable[str], environment: str | None) -> tuple[str, ...]:
    below = f"reversion/{environment}/" if environment else "reversion/"
    mine = (tag for tag in listed if tag.startswith(below))
    dated = [(name[1:], tag) for tag in mine if (name := environment_and_time(tag))]
    return tuple(tag for _, tag in sorted(dated, reverse=True))


def newest(
    repository: Repository, environment: str | None, count: int, known: Iterable[str] = ()
) -> tuple[Recorded | Broken, ...]:
    """Read the newest snapshots through one process; those that can't be used are told as broken.

    `known` are the names of all snapshot tags, where they were just listed.
    """
    found = _ordered(known, environment) if known else names(repository, environment)
    return tuple(_read_all(repository, found[: max(count, 0)]))


def read(repository: Repository, tag_name: str, environment: str) -> Recorded:
    """Return the snapshot of that tag, checked whole, or of the label `latest-verified`.

    The name's last part alone is enough. Raise UnknownName where there is no such tag, and SnapshotInvalid
    where the tag is not, or no longer, what Reversion recorded under this name. Where the repository's Git
    sets `reversion.requireSignedSnapshots`, the signature must be trusted too.
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
        refuse_other_tag(repository, tag_name, f"reversion snapshots {environment}")
        raise UnknownName.among(f"snapshot of {environment}", tag_name, known[:5])
    recorded = check(wanted, repository.object(f"refs/tags/{wanted}", MAX_TAG))
    if is_set(repository, "reversion.requireSignedSnapshots"):
        demand_signature(repository, recorded)
    return recorded


def refuse_other_tag(repository: Repository, name: str, listing: str) -> None:
    """Raise SnapshotInvalid where the name is that of a tag which somebody else made, for a release or by hand.

    `listing` is the command that lists snapshots.
    """
    if repository.resolve(f"refs/tags/{name.removeprefix('refs/tags/')}"):
        raise SnapshotInvalid(
            f"{plain(name)} is a tag of the product, but no snapshot: Reversion did not make it.",
            f"Choose one from '{listing}'.",
        )


def _write(repository: Repository, name: str, message: str, commit: str) -> None:
    sign = "--sign" if is_set(repository, "tag.gpgSign") else "--no-sign"
    try:
        repository.run("tag", "-a", sign, "--cleanup=verbatim", "-F", "-", name, commit, stdin=message)
    except RepositoryFailed as error:
        if "empty ident" in error.message or "tell me who you are" in error.message:
            raise RepositoryFailed(
                f"Git has no name and address for the user that runs Reversion, so {name} was not recorded.",
                "Set them: git config --global user.name NAME, git config --global user.email ADDRESS.",
            ) from error
        raise


def _latest_verified(repository: Repository, environment: str, known: tuple[str, ...]) -> Recorded:
    for start in range(0, len(known), 20):
        for found in _read_all(repository, known[start : start + 20]):
            if isinstance(found, Recorded) and found.snapshot.verified and found.snapshot.complete:
                return read(repository, found.tag, environment)
    raise UnknownName(
        f"No snapshot of {environment} is verified and complete.",
        f"Take one: reversion snapshot {environment} --test",
    )


def _read_all(repository: Repository, tags: tuple[str, ...]) -> Iterator[Recorded | Broken]:
    found = repository.objects(tuple(f"refs/tags/{tag}" for tag in tags), MAX_TAG)
    for tag, one in zip(tags, found, strict=True):
        try:
            yield check(tag, one)
        except SnapshotInvalid as error:
            yield Broken(tag=tag, problem=error.message)
