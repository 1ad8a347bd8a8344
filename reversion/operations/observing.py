"""See what an environment runs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reversion.adapters import probes
from reversion.adapters.inventory import Inventory, read_inventory
from reversion.adapters.stage import Stage
from reversion.environment import Observation
from reversion.errors import ReversionError
from reversion.operations.remembering import remember
from reversion.operations.trees import unpacked
from reversion.operations.workspace import Workspace
from reversion.outcome import Fingerprints
from reversion.product import Environment

Say = Callable[[str], None]
SayOf = Callable[[str, str], None]
"""Takes the host that a line is about, and the line."""
_SIDE_BY_SIDE = 4


def silent(_host: str, _line: str) -> None:
    """Say nothing."""


@contextmanager
def staged(workspace: Workspace, environment: Environment, commit: str, say: SayOf = silent) -> Iterator[Stage]:
    """Unpack a commit, with what must stay current, and resolve the one environment's inventory from it."""
    keep_current = environment.keep_current if commit != workspace.head else ()
    with unpacked(workspace, commit, keep_current) as tree:
        inventory = inventory_at(workspace, environment, commit, tree)
        yield Stage(tree=tree, product=workspace.product, environment=environment, inventory=inventory, say=say)


def inventory_at(workspace: Workspace, environment: Environment, commit: str, tree: Path) -> Inventory:
    """Resolve the environment's inventory from the unpacked tree of a commit, once in the life of a workspace."""
    known = workspace.inventories.get((environment.name, commit))
    if known is None:
        known = workspace.inventories[environment.name, commit] = read_inventory(tree, environment)
    return known


def observe(workspace: Workspace, environment: Environment, commit: str = "") -> Observation:
    """Observe the environment through the inventory of a commit (default: the newest), and remember what was seen."""
    with staged(workspace, environment, commit or workspace.head) as stage:
        observation = probes.observe(stage, datetime.now(UTC))
    remember(workspace, lambda catalogue: catalogue.record_observation(observation))
    return observation


def observe_all(workspace: Workspace) -> tuple[Observation, ...]:
    """Observe every environment, a few side by side; raise what the first one that fails raises."""
    environments = workspace.product.environments.values()
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return tuple(pool.map(lambda environment: observe(workspace, environment), environments))


def fingerprint(workspace: Workspace, environment: Environment) -> Fingerprints:
    """Observe an environment that must not change; where that fails, the fingerprint is empty and says why."""
    try:
        seen = observe(workspace, environment).fingerprint()
    except ReversionError as error:
        return Fingerprints(environment=environment.name, before="", after="", problem=error.message)
    return Fingerprints(environment=environment.name, before=seen, after="")
