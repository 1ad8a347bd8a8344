"""One snapshot's tag object: taken apart, and checked against the name that it stands under."""

import re

from reversion.adapters.repository import Found, Repository
from reversion.errors import RepositoryFailed, SnapshotInvalid
from reversion.snapshot import MAX_MESSAGE, Recorded, parse
from reversion.text import plain

MAX_TAG = MAX_MESSAGE + 4096
_HEADER = re.compile(
    r"object (?P<object>[0-9a-f]{40})\ntype (?P<type>\w+)\ntag (?P<tag>[^\n]+)\ntagger (?P<tagger>[^\n]*)\n"
)
_TODO = "Choose another snapshot; 'reversion snapshots' lists them."


def check(tag: str, found: Found | None) -> Recorded:
    """Return the snapshot in the object, or raise SnapshotInvalid where it is not the one of this name."""
    if found is None or found.kind != "tag":
        raise SnapshotInvalid(f"{tag} is no annotated tag, so it holds no snapshot.", _TODO)
    if found.content is None:
        raise SnapshotInvalid(f"{tag} is too large: {found.size} bytes.", _TODO)
    text = found.content.decode("utf-8", "replace")
    header = _HEADER.match(text)
    if header is None or header["type"] != "commit":
        raise SnapshotInvalid(f"{tag} is no tag of a commit, so it holds no snapshot.", _TODO)
    if header["tag"] != tag:
        raise SnapshotInvalid(f"{tag} was renamed: it was made as {plain(header['tag'])}.", _TODO)
    snapshot = parse(tag, text[header.end() :].removeprefix("\n"))
    if snapshot.product_commit != header["object"]:
        lies, made = header["object"][:10], snapshot.product_commit[:10]
        raise SnapshotInvalid(f"{tag} lies on commit {lies}, but was made of {made}.", _TODO)
    return Recorded(tag=tag, tag_object=found.id, snapshot=snapshot)


def tagger(found: Found | None) -> str:
    """Return who made the tag object, by name and address."""
    header = _HEADER.match((found.content or b"").decode("utf-8", "replace")) if found else None
    return plain(header["tagger"].rpartition(">")[0] + ">") if header else "somebody unknown"


def is_set(repository: Repository, key: str) -> bool:
    """Read a yes-or-no setting of the repository's Git; no where it is not set."""
    return repository.run("config", "--type=bool", "--default=false", "--get", key).strip() == "true"


def demand_signature(repository: Repository, recorded: Recorded) -> None:
    """Raise SnapshotInvalid where the tag isn't signed by a key that Git trusts here."""
    try:
        repository.run("verify-tag", recorded.tag_object)
    except RepositoryFailed as error:
        raise SnapshotInvalid(
            f"{recorded.tag} has no signature that Git trusts in {repository.path}.",
            "Choose a signed snapshot.",
        ) from error
