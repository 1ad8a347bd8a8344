"""The plan: what a reversion would do, as data, before anything is touched. Pure."""

from collections.abc import Mapping
from typing import Literal

from reversion.environment import Observation, Version
from reversion.features.values import Comparison, Direction, Relation
from reversion.product import Environment, Product
from reversion.snapshot import Recorded
from reversion.text import Value, digest


class FileChange(Value):
    """One configuration file that the snapshot has otherwise than the product has now."""

    path: str
    change: Literal["added", "removed", "changed"]


class Step(Value):
    """One service from its running version to the snapshot's, on its instances.

    `after` names the services that must be proven before this one is touched.
    """

    service: str
    running: tuple[str, ...]
    problem: str = ""
    version: Version
    commit: str | None = None
    direction: Direction
    leaving: int = 0
    gaining: int = 0
    hosts: tuple[str, ...]
    after: tuple[str, ...] = ()
    migrations: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Tell whether any instance runs something else, or could not be read."""
        return bool(self.problem) or self.running != (self.version,)


class Plan(Value):
    """All that a reversion would do and all that its approver must know.

    Holds nothing that changes while the environment and the snapshot stay the same, so that the digest names exactly
    what was reviewed.
    """

    product: str
    environment: str
    snapshot: str
    snapshot_object: str
    snapshot_commit: str
    head_commit: str
    fingerprint: str
    steps: tuple[Step, ...]
    configuration: tuple[FileChange, ...] = ()
    keep_current: tuple[str, ...] = ()
    comparison: Comparison
    warnings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return digest(self)


def make_plan(product: Product, environment: Environment, target: Recorded, facts: "Facts") -> Plan:
    """Fold everything that was found out into the plan. See `Facts`."""
    raise NotImplementedError


class Facts(Value):
    """What was found out for a plan: observation, comparison, per-service relation and migrations, files, hosts."""

    head_commit: str
    observation: Observation
    comparison: Comparison
    relations: Mapping[str, Relation]
    migrations: Mapping[str, tuple[str, ...]] = {}
    configuration: tuple[FileChange, ...] = ()
    hosts: Mapping[str, tuple[str, ...]]
