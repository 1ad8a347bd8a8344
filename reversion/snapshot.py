"""Snapshots: the manifest in an annotated tag's message, its name and its digest. Pure."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, StringConstraints, ValidationError, field_validator

from reversion.environment import Version
from reversion.errors import SnapshotInvalid
from reversion.features.values import Feature, Part, State
from reversion.names import EnvironmentName, FeatureId, ServiceName
from reversion.text import Value, canonical_json, digest, plain

TAG_PATTERN = r"^reversion/([a-z0-9][a-z0-9-]{0,30})/(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z)-([0-9a-f]{12})$"
SCHEMA = "reversion.snapshot/1"
MAX_MESSAGE = 16 << 20
_TAG = re.compile(TAG_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_TIME = "%Y-%m-%dT%H-%M-%SZ"
_TODO = "Choose another snapshot; 'reversion snapshots' lists them."

CommitId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class TakenBy(Value):
    """Who or what had the snapshot taken."""

    kind: Literal["person", "schedule", "reversion"]
    name: str
    run: str = ""


class SnapshotService(Value):
    """One service as it ran: version, the commit it names and how that was found."""

    version: Version | None
    commit: CommitId | None = None
    mapped_by: str = ""
    problem: str = ""
    repository: str = ""
    hosts: tuple[str, ...] = ()


class SnapshotFeature(Value):
    """One feature as it was judged when the snapshot was taken."""

    title: str
    kind: Literal["feature", "fix", "security"] = "feature"
    state: State
    parts: tuple[Part, ...] = ()


class Snapshot(Value):
    """The manifest. `taken_at` is in UTC and has no fraction of a second, as the tag's name has none."""

    product: str
    environment: EnvironmentName
    taken_at: AwareDatetime
    taken_by: TakenBy
    label: str = ""
    previous: str = ""
    product_commit: CommitId
    conventions: str
    verified: bool | None
    complete: bool
    services: dict[ServiceName, SnapshotService]
    features: dict[FeatureId, SnapshotFeature] = {}

    @field_validator("taken_at")
    @classmethod
    def _whole_seconds(cls, taken_at: datetime) -> datetime:
        return taken_at.astimezone(UTC).replace(microsecond=0)


class Recorded(Value):
    """A snapshot with the tag that holds it: full tag name and the tag object's id."""

    tag: str
    tag_object: str
    snapshot: Snapshot


class Broken(Value):
    """A tag under a snapshot's name that can't be used, and why."""

    tag: str
    problem: str


def features_when_taken(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return every feature that the snapshot knows, as it was judged then."""
    return tuple(
        Feature(id=name, title=feature.title, kind=feature.kind, state=feature.state, parts=feature.parts)
        for name, feature in snapshot.features.items()
    )


def unread_features(snapshot: Snapshot, services: frozenset[str]) -> tuple[Feature, ...]:
    """Return, as unknown, the features that the snapshot knows in any of the services that can't be read now."""
    return tuple(
        Feature(id=name, title=feature.title, kind=feature.kind, state=State.UNKNOWN)
        for name, feature in snapshot.features.items()
        if services & {part.service for part in feature.parts}
    )


def compose(snapshot: Snapshot) -> tuple[str, str]:
    """Return the tag's name and its message: one line for people, a blank line, the canonical document."""
    document = {"schema": SCHEMA, **snapshot.model_dump(mode="json")}
    taken = snapshot.taken_at.strftime(_TIME)
    name = f"reversion/{snapshot.environment}/{taken}-{digest(document)[:12]}"
    return name, f"{_headline(snapshot)}\n\n{canonical_json(document)}\n"


def parse(tag_name: str, message: str) -> Snapshot:
    """Return the snapshot in a tag's message; raise SnapshotInvalid where it is not the one of this name."""
    name = environment_and_time(tag_name)
    if name is None:
        raise _refused(tag_name, "is no snapshot: its name is not reversion/<environment>/<time>-<digest>")
    environment, taken, short = name
    text = _find_document(tag_name, message)
    content, made = _read_document(tag_name, text)
    if made[:12] != short:
        raise _refused(tag_name, "was edited after it was made: its digest is not the one in its name")
    snapshot = _validate(tag_name, content)
    if snapshot.environment != environment:
        other = f"is a snapshot of {snapshot.environment} under the name of {environment}"
        raise _refused(tag_name, other)
    if snapshot.taken_at.strftime(_TIME) != taken:
        raise _refused(tag_name, "says another time in its document than in its name")
    return snapshot


def environment_and_time(tag_name: str) -> tuple[str, str, str] | None:
    """Take a snapshot tag's name apart: environment, time, start of the digest. None for other names."""
    found = _TAG.fullmatch(tag_name)
    return (found[1], found[2], found[3]) if found else None


def normalised(document: str) -> Any:
    """Read strict JSON: no key twice, no NaN or Infinity. Raise ValueError."""
    return json.loads(document, object_pairs_hook=_unique, parse_constant=_no_constant)


def _headline(snapshot: Snapshot) -> str:
    parts = [f"{snapshot.product}: {snapshot.environment} at {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC"]
    parts.append(f"{len(snapshot.services)} services, {len(snapshot.features)} features")
    if snapshot.label:
        parts.append(snapshot.label)
    proof = {True: "verified", False: "its production tests failed", None: "not verified"}
    parts.append(proof[snapshot.verified])
    return plain("; ".join(parts), 200)


def _find_document(tag_name: str, message: str) -> str:
    if len(message) > MAX_MESSAGE:
        raise _refused(tag_name, f"is too large: more than {MAX_MESSAGE >> 20} MiB")
    _, gap, text = message.partition("\n\n")
    text = text.partition("\n-----BEGIN ")[0].rstrip("\n")
    if not gap or not text.startswith("{"):
        raise _refused(tag_name, "is no snapshot: its message holds no document")
    if not text.endswith("}"):
        raise _refused(tag_name, "was cut off: its document has no end")
    return text


def _read_document(tag_name: str, text: str) -> tuple[str, str]:
    """Return the document without its schema, as JSON, and the digest of the whole."""
    try:
        document = normalised(text)
        canonical = canonical_json(document)
        _demand_schema(tag_name, document.pop("schema", None))
        made = hashlib.sha256(canonical.encode()).hexdigest()
    except (ValueError, RecursionError) as error:
        raise _refused(tag_name, f"holds no valid JSON: {plain(str(error), 120)}") from error
    if text != canonical:
        raise _refused(tag_name, "was edited after it was made: its document is not written as Reversion writes")
    return canonical_json(document), made


def _demand_schema(tag_name: str, schema: object) -> None:
    found = re.fullmatch(r"reversion\.snapshot/(\d{1,6})", schema) if isinstance(schema, str) else None
    if not found:
        raise _refused(tag_name, "is no snapshot: its document has another schema")
    if schema != SCHEMA:
        newer = int(found[1]) > int(SCHEMA.rpartition("/")[2])
        raise SnapshotInvalid(
            f"{plain(tag_name)} was made by {'a newer' if newer else 'another'} Reversion ({found[0]}).",
            "Update Reversion." if newer else _TODO,
        )


def _validate(tag_name: str, content: str) -> Snapshot:
    try:
        return Snapshot.model_validate_json(content, strict=True)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = plain(".".join(map(str, first["loc"])), 100)
        said = {"missing": "is missing", "extra_forbidden": "is not known"}.get(first["type"], first["msg"])
        raise _refused(tag_name, f"has a document that does not fit: {where} {plain(said)}") from invalid


def _refused(tag_name: str, why: str) -> SnapshotInvalid:
    return SnapshotInvalid(f"{plain(tag_name)} {why}.", _TODO)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands twice")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
