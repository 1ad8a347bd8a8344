"""Snapshots: the manifest in an annotated tag's message, its name and its digest. Pure."""

from datetime import datetime
from typing import Literal

from reversion.environment import Version
from reversion.features.values import Part, State
from reversion.product import EnvironmentName, FeatureId, ServiceName
from reversion.text import Value

TAG_PATTERN = r"^reversion/([a-z0-9][a-z0-9-]{0,30})/(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z)-([0-9a-f]{12})$"
SCHEMA = "reversion.snapshot/1"


class TakenBy(Value):
    """Who or what had the snapshot taken."""

    kind: Literal["person", "schedule", "reversion"]
    name: str
    run: str = ""


class SnapshotService(Value):
    """One service as it ran: version, the commit it names and how that was found."""

    version: Version | None
    commit: str | None = None
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
    """The manifest. `tag` and `tag_object` are where it was found; they are no part of the document."""

    product: str
    environment: EnvironmentName
    taken_at: datetime
    taken_by: TakenBy
    label: str = ""
    previous: str = ""
    product_commit: str
    conventions: str
    verified: bool | None
    complete: bool
    services: dict[ServiceName, SnapshotService]
    features: dict[FeatureId, SnapshotFeature] = {}


class Recorded(Value):
    """A snapshot with the tag that holds it: full tag name and the tag object's id."""

    tag: str
    tag_object: str
    snapshot: Snapshot
