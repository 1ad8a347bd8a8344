"""The plan: what a reversion would do, as data, before anything is touched. Pure."""

from collections.abc import Mapping
from typing import Literal

from reversion.environment import Observation, Version
from reversion.errors import Refused, SnapshotInvalid
from reversion.features.values import Comparison, Direction, Relation, State
from reversion.product import Environment, Product
from reversion.snapshot import Recorded, Snapshot
from reversion.text import Value, counted, digest


class FileChange(Value):
    """One configuration file that the snapshot has otherwise than the product has now."""

    path: str
    change: Literal["added", "removed", "changed"]


class Step(Value):
    """One service from its running version to the snapshot's, on its instances.

    `after` names the services that must be proven before this one is touched. With `is_there` it was seen to run the
    snapshot's version everywhere, and no configuration changes, so that nothing has to be done.
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
    is_there: bool = False

    @property
    def is_needed(self) -> bool:
        """Tell whether any instance runs something else, or could not be read."""
        return bool(self.problem) or self.running != (self.version,)


class Plan(Value):
    """All that a reversion would do and all that its approver must know.

    `left` are the services that are not touched, since the snapshot does not have them, with what they run (None: not
    known).

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
    left: Mapping[str, Version | None] = {}
    configuration: tuple[FileChange, ...] = ()
    configure: str = ""
    keep_current: tuple[str, ...] = ()
    comparison: Comparison
    warnings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return digest(self)

    def step(self, service: str) -> Step:
        return next(step for step in self.steps if step.service == service)

    def explains(self, observation: Observation) -> bool:
        """Tell whether every instance of the plan's services runs what it ran at the review, or what is restored."""
        expected: dict[str, set[str | None]] = {
            step.service: {*step.running, step.version, *((None,) if step.problem else ())} for step in self.steps
        }
        return all(i.version in expected[i.service] for i in observation.instances if i.service in expected)


class Facts(Value):
    """What was found out for a plan.

    `hosts` are the hosts of each service in the snapshot's inventory, `shared` the hosts or addresses that another
    environment claims too, each told as a sentence. `problems` says, by service, why a history could not be read.
    """

    head_commit: str
    observation: Observation
    comparison: Comparison
    relations: Mapping[str, Relation]
    hosts: Mapping[str, tuple[str, ...]]
    migrations: Mapping[str, tuple[str, ...]] = {}
    left: Mapping[str, Version | None] = {}
    configuration: tuple[FileChange, ...] = ()
    shared: tuple[str, ...] = ()
    problems: Mapping[str, str] = {}


def make_plan(product: Product, environment: Environment, target: Recorded, facts: Facts) -> Plan:
    """Fold everything that was found out into the plan.

    Raise Refused where carrying it out could not be right: shared hosts, a service without a version in the snapshot,
    a service of the snapshot that the product no longer has.
    """
    _refuse_impossible(product, environment, target, facts)
    steps = tuple(_step(name, target.snapshot, facts) for name in sorted(target.snapshot.services))
    if environment.configuration and not facts.configuration:
        steps = tuple(step.model_copy(update={"is_there": not step.is_needed}) for step in steps)
    return Plan(
        product=product.product,
        environment=environment.name,
        snapshot=target.tag,
        snapshot_object=target.tag_object,
        snapshot_commit=target.snapshot.product_commit,
        head_commit=facts.head_commit,
        fingerprint=facts.observation.fingerprint(),
        steps=_ordered(steps, product),
        left=facts.left,
        configuration=facts.configuration,
        configure=environment.configure or "",
        keep_current=environment.keep_current,
        comparison=facts.comparison,
        warnings=_warnings(product, target.snapshot, steps, facts),
        checks=environment.production_tests,
    )


def _refuse_impossible(product: Product, environment: Environment, target: Recorded, facts: Facts) -> None:
    services = target.snapshot.services
    if target.snapshot.product != product.product:
        raise SnapshotInvalid(
            f"{target.tag} is a snapshot of the product '{target.snapshot.product}', not of '{product.product}'.",
            "Choose a snapshot of this product.",
        )
    if environment.restore is None:
        raise Refused(
            f"The environment {environment.name} has no restore playbook.",
            f"Name one at environments.{environment.name}.restore in reversion.yaml.",
        )
    if facts.shared:
        raise Refused(
            f"{environment.name} shares hosts with other environments: {'; '.join(facts.shared)}.",
            f"Part the inventories, or list them at environments.{environment.name}.shared_hosts if that is meant.",
        )
    if gone := sorted(set(services) - set(product.services)):
        raise Refused(
            f"The snapshot has services that the product no longer has: {', '.join(gone)}.",
            "Choose a newer snapshot, or put them back into reversion.yaml.",
        )
    if unknown := sorted(name for name, service in services.items() if service.version is None):
        raise Refused(
            f"When {target.tag} was taken, the version of these services could not be read: {', '.join(unknown)}.",
            "Choose a complete snapshot: 'reversion snapshots' shows which are.",
        )
    if hostless := sorted(name for name in services if not facts.hosts.get(name)):
        raise Refused(
            f"The snapshot's inventory has no host for: {', '.join(hostless)}.",
            "Choose another snapshot; this one can't be restored whole.",
        )


def _step(service: str, snapshot: Snapshot, facts: Facts) -> Step:
    wanted = snapshot.services[service]
    running = facts.observation.running(service)
    relation = facts.relations.get(service, Relation(service=service, direction="unknown"))
    assert wanted.version is not None  # noqa: S101  refused before
    return Step(
        service=service,
        running=running.versions,
        problem=running.problem,
        version=wanted.version,
        commit=wanted.commit,
        direction="same" if running.version == wanted.version else relation.direction,
        leaving=relation.leaving,
        gaining=relation.gaining,
        hosts=facts.hosts[service],
        migrations=facts.migrations.get(service, ()),
    )


def _ordered(steps: tuple[Step, ...], product: Product) -> tuple[Step, ...]:
    """Order by "A depends on B": if B goes forward (or is new), B before A; otherwise A before B.

    Edges of mixed directions can form a circle; the edge that would close one is dropped, dependencies in name order.
    """
    by_name = {step.service: step for step in steps}
    after: dict[str, set[str]] = {name: set() for name in by_name}
    for name in sorted(by_name):
        for needed in sorted(set(product.services[name].depends_on) & set(by_name)):
            first, second = (
                (needed, name) if by_name[needed].direction in ("forward", "added", "unknown") else (name, needed)
            )
            if not _reaches(after, first, second):
                after[second].add(first)
    return tuple(by_name[name].model_copy(update={"after": tuple(sorted(after[name]))}) for name in _in_order(after))


def _reaches(after: Mapping[str, set[str]], start: str, goal: str) -> bool:
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting.extend(after[name])
    return False


def _in_order(after: Mapping[str, set[str]]) -> tuple[str, ...]:
    done: list[str] = []
    while len(done) < len(after):
        done += sorted(name for name in after if name not in done and after[name] <= set(done))
    return tuple(done)


def _warnings(product: Product, snapshot: Snapshot, steps: tuple[Step, ...], facts: Facts) -> tuple[str, ...]:
    warnings = []
    if snapshot.verified is not True:
        told = "its production tests failed" if snapshot.verified is False else "its production tests were not run"
        warnings.append(f"The snapshot is not verified: {told} when it was taken.")
    if not snapshot.complete:
        warnings.append("The snapshot is not complete: not every service could be read when it was taken.")
    warnings += [f"The features of {name} are unknown: {problem}" for name, problem in facts.problems.items()]
    for service in sorted(set(product.services) - set(snapshot.services)):
        if facts.observation.running(service).versions:
            warnings.append(f"{service} is new since the snapshot: it is left as it is.")
    for step in steps:
        if step.problem:
            warnings.append(f"{step.service}: what runs now could not be told ({step.problem}).")
        if step.commit is None:
            warnings.append(f"{step.service}: {step.version} names no commit, so its features are unknown.")
        if step.migrations:
            warnings.append(
                f"{step.service}: going to {step.version} crosses {counted(len(step.migrations), 'migration file')}; "
                "data changes are not taken back."
            )
    undone = [
        change.feature
        for change in (*facts.comparison.lost, *facts.comparison.made_partial)
        if change.feature.kind == "security"
    ]
    warnings += [f"The security fix {feature.id} ({feature.title}) is undone." for feature in undone]
    warnings += [
        f"{change.feature.id} ({change.feature.title}) comes back although it was deliberately reverted."
        for change in facts.comparison.resurrected
    ]
    warnings += _left_without(facts.comparison)
    return tuple(warnings)


def _left_without(comparison: Comparison) -> list[str]:
    """Tell of features that stay or come while others that they can't do without go, wholly or in part."""
    going = {change.feature.id for change in (*comparison.lost, *comparison.made_partial)}
    staying = (*comparison.kept, *comparison.completed, *comparison.regained, *comparison.resurrected)
    return [
        f"{change.feature.id} ({change.feature.title}) will be there, but {needed}, which it needs, not wholly."
        for change in staying
        if change.after in (State.COMPLETE, State.PARTIAL)
        for needed in change.feature.needs
        if needed in going
    ]
