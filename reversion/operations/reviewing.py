"""Make the plan of a reversion: everything is found out, nothing is changed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from reversion.adapters import histories, playbooks
from reversion.adapters.inventory import Inventory, shared_hosts
from reversion.environment import Observation
from reversion.errors import PlanVoid, ReversionError, SnapshotInvalid
from reversion.features.recalling import out_of_sight, recall, there
from reversion.features.resolver import Vector
from reversion.features.values import Comparison
from reversion.operations.checking import checked_changes
from reversion.operations.judging import Study, running_versions, study
from reversion.operations.observing import inventory_at, observe, staged
from reversion.operations.tagging import find
from reversion.operations.trees import unpacked
from reversion.operations.workspace import Workspace
from reversion.plan import Facts, FileChange, Plan, make_plan
from reversion.product import Environment
from reversion.snapshot import Recorded, Snapshot, features_when_taken, unread_features
from reversion.text import Value

_CHANGES: dict[str, Literal["added", "removed", "changed"]] = {"A": "added", "D": "removed"}


def review(workspace: Workspace, environment_name: str, snapshot: str, *, refresh: bool = True) -> Plan:
    """Find out everything that a reversion to the snapshot would do; see `make_plan` for what it refuses."""
    return _review(workspace, environment_name, snapshot, refresh=refresh).plan


class Way(Value):
    """A plan, and the environment as it was seen for it."""

    plan: Plan
    found: Observation


def way_back(workspace: Workspace, plan: Plan, safety_snapshot: str) -> Way:
    """Plan the way back to how it was before the plan was begun.

    Where that changed configuration, each service is restored, since those it has touched can't be told.
    """
    way = _review(workspace, plan.environment, safety_snapshot, refresh=False)
    if not plan.configuration:
        return way
    steps = tuple(step.model_copy(update={"is_there": False}) for step in way.plan.steps)
    return way.model_copy(update={"plan": way.plan.model_copy(update={"steps": steps})})


def _review(workspace: Workspace, environment_name: str, snapshot: str, *, refresh: bool) -> Way:
    environment = workspace.product.environment(environment_name)
    target = find(workspace, environment, snapshot, refresh=refresh)
    commit = target.snapshot.product_commit
    if workspace.repository.resolve(commit) != commit:
        raise SnapshotInvalid(
            f"{target.tag}: its commit {commit[:10]} is not in the repository.", "Fetch the product."
        )
    hosts, shared = _check_stage(workspace, environment, target)
    observation = observe(workspace, environment)
    plan = make_plan(
        workspace.product,
        environment,
        target,
        _features(workspace, target, observation, refresh=refresh).model_copy(
            update={
                "hosts": hosts,
                "shared": shared,
                "configuration": _configuration(workspace, environment, commit),
            }
        ),
    )
    return Way(plan=plan, found=observation)


def confirm(workspace: Workspace, plan: Plan, *, is_retry: bool = False) -> Observation:
    """Observe that the environment and the snapshot still are what the plan was made for, or raise PlanVoid.

    A retry may find services that this reversion has restored already.
    """
    environment = workspace.product.environment(plan.environment)
    again = f"Nothing was changed. Review it anew: reversion revert {plan.environment} {plan.snapshot}"
    if find(workspace, environment, plan.snapshot).tag_object != plan.snapshot_object:
        raise PlanVoid(f"{plan.snapshot} is no longer the tag that was reviewed.", again)
    newest = workspace.repository.newest()
    kept = plan.keep_current
    if kept and newest != workspace.head and workspace.repository.changed_files(workspace.head, newest, *kept):
        raise PlanVoid(f"What stays current ({', '.join(kept)}) has changed since the review.", again)
    observation = observe(workspace, environment)
    if observation.fingerprint() != plan.fingerprint and not (is_retry and plan.explains(observation)):
        raise PlanVoid(f"{plan.environment} has changed since the review, so the approval is void.", again)
    return observation


def _check_stage(
    workspace: Workspace, environment: Environment, target: Recorded
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Resolve the snapshot's inventory, check its playbooks, and look for hosts that other environments claim."""
    with staged(workspace, environment, target.snapshot.product_commit) as stage:
        if environment.restore:
            playbooks.check_syntax(stage)
        services = [
            workspace.product.services[n] for n in target.snapshot.services if n in workspace.product.services
        ]
        hosts = {service.name: stage.inventory.matching(service.hosts) for service in services}
        return hosts, _shared(workspace, environment, stage.inventory)


def _shared(workspace: Workspace, environment: Environment, mine: Inventory) -> tuple[str, ...]:
    others = workspace.product.others(environment)
    with unpacked(workspace, workspace.head) as tree, ThreadPoolExecutor(4) as pool:
        inventories = list(pool.map(lambda other: inventory_at(workspace, other, workspace.head, tree), others))
    return tuple(
        f"{host} is also in {other.name}"
        for other, inventory in zip(others, inventories, strict=True)
        for host in shared_hosts(mine, inventory, environment.shared_hosts)
    )


def _features(workspace: Workspace, target: Recorded, observation: Observation, *, refresh: bool) -> Facts:
    before = running_versions(observation, workspace)
    after = {
        name: service.commit
        for name, service in target.snapshot.services.items()
        if name in workspace.product.services
    }
    left = {name: version for name, version in before.items() if name not in after}
    studied = study(workspace, before, after, refresh=refresh)
    now, then = studied.commits(before), studied.commits(after | left)
    return Facts(
        head_commit=workspace.head,
        observation=observation,
        problems=studied.problems,
        comparison=checked_changes(
            workspace, studied.resolver, _comparison(studied, target.snapshot, now, then), now, then
        ),
        relations={name: studied.resolver.relation(name, now.get(name, ""), then[name]) for name in after},
        migrations={name: _migrations(workspace, name, now.get(name), then[name]) for name in after},
        hosts={},
        left=left,
    )


def _comparison(studied: Study, snapshot: Snapshot, now: Vector, then: Vector) -> Comparison:
    """Compare, and keep in sight what the snapshot says otherwise than is judged now, or was judged of alone."""
    taken = features_when_taken(snapshot)
    resolver = studied.resolver
    hidden = (*unread_features(snapshot, frozenset(studied.problems)), *out_of_sight(taken, frozenset(resolver.ids)))
    unknown = tuple({feature.id: feature for feature in hidden}.values())
    return recall(resolver.compare(now, then, there(taken)).with_unknown(unknown), taken)


def _migrations(workspace: Workspace, name: str, old: str | None, new: str | None) -> tuple[str, ...]:
    service = workspace.product.services[name]
    if not (service.migrations and old and new):
        return ()
    try:
        source = histories.open_source(service, workspace.root, workspace.home, refresh=False)
        return histories.migrations_between(source, service, old, new)
    except ReversionError:
        return ()


def _configuration(workspace: Workspace, environment: Environment, commit: str) -> tuple[FileChange, ...]:
    if not environment.configuration:
        return ()
    changed = workspace.repository.changed_files(workspace.head, commit, *environment.configuration)
    kept = environment.keep_current
    return tuple(
        FileChange(path=path, change=_CHANGES.get(status, "changed"))
        for status, path in changed
        if not any(path == keep or path.startswith(keep.rstrip("/") + "/") for keep in kept)
    )
