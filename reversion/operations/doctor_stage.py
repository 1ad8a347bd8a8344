"""Check every environment on its own stage: inventory, playbook, hosts and what they run."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations

from reversion.adapters import playbooks, probes
from reversion.adapters.catalogue import open_catalogue
from reversion.adapters.inventory import Inventory, shared_hosts
from reversion.adapters.stage import Stage
from reversion.environment import Observation
from reversion.errors import ReversionError
from reversion.operations.findings import Finding, fail, ok, warn
from reversion.operations.observing import staged
from reversion.operations.workspace import Workspace
from reversion.product import Environment
from reversion.text import counted

_SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Examined:
    """The findings on all environments, and what was seen running in those that could be observed."""

    findings: tuple[Finding, ...]
    seen: tuple[Observation, ...]


@dataclass(frozen=True)
class _One:
    environment: Environment
    findings: tuple[Finding, ...]
    inventory: Inventory | None = None
    seen: Observation | None = None


def examine_environments(workspace: Workspace) -> Examined:
    """Look at every environment of the newest commit; what was observed goes to the catalogue."""
    environments = tuple(workspace.product.environments.values())
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        each = tuple(pool.map(lambda environment: _examine(workspace, environment), environments))
    findings = [finding for one in each for finding in one.findings]
    findings += _shared(each)
    seen = tuple(one.seen for one in each if one.seen)
    for observation in seen:
        findings += _recorded(workspace, observation)
    return Examined(tuple(findings), seen)


def _examine(workspace: Workspace, environment: Environment) -> _One:
    subject = f"environment {environment.name}"
    try:
        with staged(workspace, environment, workspace.head) as stage:
            findings = [*_hosts(workspace, stage, subject), *_playbook(stage, subject)]
            try:
                seen = probes.observe(stage, datetime.now(UTC))
            except ReversionError as error:
                findings.append(_weighed(environment, subject, error.message, error.todo))
                return _One(environment, tuple(findings), stage.inventory)
            findings.append(_observed(environment, subject, seen))
            return _One(environment, tuple(findings), stage.inventory, seen)
    except ReversionError as error:
        return _One(environment, (fail(subject, error.message, error.todo),))


def _hosts(workspace: Workspace, stage: Stage, subject: str) -> Iterator[Finding]:
    yield ok(subject, f"Its inventory has {counted(len(stage.inventory.hosts), 'host')}.")
    for service in workspace.product.services.values():
        if not stage.inventory.matching(service.hosts):
            todo = f"Correct services.{service.name}.hosts or the inventory, unless that is meant."
            yield warn(subject, f"No host runs {service.name}: nothing matches '{service.hosts}'.", todo)


def _playbook(stage: Stage, subject: str) -> Iterator[Finding]:
    if not stage.environment.restore:
        return
    try:
        playbooks.check_syntax(stage)
        yield ok(subject, f"Ansible can read {stage.environment.restore}.")
    except ReversionError as error:
        yield fail(subject, error.message, error.todo)


def _observed(environment: Environment, subject: str, seen: Observation) -> Finding:
    unread = [f"{i.service} on {i.host}: {i.problem}" for i in seen.instances if i.version is None]
    if not unread:
        return ok(subject, f"{counted(len(seen.instances), 'instance was', 'instances were')} read.")
    told = f"{len(unread)} of {len(seen.instances)} instances could not be read: {'; '.join(unread[:3])}"
    todo = "Check that the host can be reached, that the service runs, and how it is observed."
    return _weighed(environment, subject, f"{told}{'; ...' if unread[3:] else ''}.", todo)


def _weighed(environment: Environment, subject: str, message: str, todo: str) -> Finding:
    """What can't be read fails an environment that may be reverted, and is a warning for one that never is."""
    return (fail if environment.restore else warn)(subject, message, todo)


def _shared(each: tuple[_One, ...]) -> Iterator[Finding]:
    for one, other in combinations(each, 2):
        if one.inventory is None or other.inventory is None:
            continue
        declared = one.environment.shared_hosts + other.environment.shared_hosts
        if both := shared_hosts(one.inventory, other.inventory, declared):
            yield fail(
                f"environment {one.environment.name}",
                f"It shares hosts with {other.environment.name}: {', '.join(both[:5])}.",
                "Give each environment its own, or declare them in shared_hosts.",
            )


def _recorded(workspace: Workspace, observation: Observation) -> Iterator[Finding]:
    try:
        open_catalogue(workspace.home).record_observation(observation)
    except ReversionError as error:
        yield fail("catalogue", error.message, error.todo)
