"""Look at a product that has no reversion.yaml yet: its inventories, services, playbooks and tests."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reversion.adapters.inventory import Inventory, read_inventory
from reversion.adapters.repository import Repository
from reversion.errors import ReversionError
from reversion.product import Environment, Observe

_HOST_FILES = re.compile(r"(hosts|inventory)(\.(ini|ya?ml))?")
_FLAT_FILES = re.compile(r"[^.].*\.(ini|ya?ml)")
_FLAT_FOLDERS = ("inventories", "inventory", "environments")
_NOT_HERE = ("roles", "group_vars", "host_vars", "collections", "templates", "node_modules", "tests")
_PLAYBOOKS = ("restore", "deploy", "site", "main", "playbook")
_TESTS = ("tests/production/smoke", "tests/production", "tests/smoke", "production_tests", "tests")


@dataclass(frozen=True)
class FoundEnvironment:
    """An inventory, the environment's name taken from it, and its hosts, or why they could not be read."""

    name: str
    inventory: str
    hosts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Survey:
    """All that a starter product file is made from. `beside` names the services whose clones lie beside it.

    `gathering` are groups that may be services too, but whose hosts are just those of several others together.
    """

    product: str
    environments: tuple[FoundEnvironment, ...]
    services: tuple[str, ...]
    playbook: str | None
    roles: str | None
    tests: str | None
    files: tuple[str, ...]
    beside: frozenset[str] = frozenset()
    gathering: tuple[str, ...] = ()


def survey(root: Path) -> Survey:
    """Look at the folder as it is, committed or not; what Git ignores does not count."""
    listed = Repository(root).run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = tuple(sorted({path for path in listed.split("\0") if path and (root / path).is_file()}))
    found, groups = [], []
    for name, inventory in _inventories(files):
        environment, hosts = _read(root, name, inventory, files)
        found.append(environment)
        groups += [hosts] if hosts else []
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    services, gathering = common_groups(tuple(groups), tuple(each.name for each in found))
    return Survey(
        product=as_name(root.name) or "product",
        environments=tuple(found),
        services=services,
        gathering=gathering,
        playbook=_playbook(files),
        roles=next((folder for folder in ("ansible/roles", "roles") if folder in folders), None),
        tests=next((folder for folder in _TESTS if folder in folders), None),
        files=files,
        beside=frozenset(name for name in services if (root.parent / name / ".git").exists()),
    )


def common_groups(
    inventories: tuple[Inventory, ...], not_these: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the groups that every inventory has, and apart from them those that seem to only gather others."""
    members = [_members(inventory) for inventory in inventories]
    if not members:
        return (), ()
    shared = set(members[0]).intersection(*members[1:])
    gathering = {group for group in shared if _gathers(group, members[0])}
    usable = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
    wanted = sorted(g for g in shared - set(not_these) if usable.fullmatch(g))
    return tuple(g for g in wanted if g not in gathering), tuple(g for g in wanted if g in gathering)


def as_name(text: str) -> str:
    """Make an environment's or a product's name of any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:31].rstrip("-")


def _inventories(files: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (environment, inventory path) for each inventory, by name; a second of a name gets a number."""
    places: dict[str, str] = {}
    for file in files:
        path = PurePosixPath(file)
        above = path.parent.parts
        if any(part.startswith(".") or part in _NOT_HERE for part in above) or len(above) > 4:
            continue
        if above and above[-1] not in (*_FLAT_FOLDERS, "ansible") and _HOST_FILES.fullmatch(path.name):
            places.setdefault(str(path.parent), above[-1])
        elif above and above[-1] in _FLAT_FOLDERS and _FLAT_FILES.fullmatch(path.name):
            places.setdefault(file, path.stem if path.stem not in ("hosts", "inventory") else "staging")
        elif _HOST_FILES.fullmatch(path.name) and len(above) <= 1:
            places.setdefault(file, "staging")
    named: dict[str, str] = {}
    for place, wanted in places.items():
        base = as_name(wanted) or "environment"
        name = next(n for n in (base, *(f"{base[:28]}-{i}" for i in range(2, 999))) if n not in named)
        named[name] = place
    return sorted(named.items())


def _read(root: Path, name: str, inventory: str, files: tuple[str, ...]) -> tuple[FoundEnvironment, Inventory | None]:
    secrets = tuple(path for path in files if path.startswith(f"{inventory}/") and _is_vault(root / path))
    try:
        read = read_inventory(root, Environment(name=name, inventory=inventory, observe=Observe(file="/x")))
    except ReversionError as error:
        return FoundEnvironment(name, inventory, secrets=secrets, problem=error.message), None
    hosts = tuple(host.name for host in read.hosts)
    return FoundEnvironment(name, inventory, hosts, secrets), read


def _is_vault(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(14) == b"$ANSIBLE_VAULT"
    except OSError:
        return False


def _playbook(files: tuple[str, ...]) -> str | None:
    folders = ("ansible/", "ansible/playbooks/", "playbooks/", "")
    wanted = [f"{folder}{stem}.{end}" for stem in _PLAYBOOKS for folder in folders for end in ("yml", "yaml")]
    return next((path for path in wanted if path in files), None)


def _members(inventory: Inventory) -> dict[str, frozenset[str]]:
    groups = {group for host in inventory.hosts for group in host.groups}
    return {g: frozenset(host.name for host in inventory.hosts if g in host.groups) for g in groups}


def _gathers(group: str, members: dict[str, frozenset[str]]) -> bool:
    """Tell whether the group is just two or more smaller ones together."""
    smaller = [hosts for name, hosts in members.items() if name != group and hosts < members[group]]
    return len(smaller) > 1 and frozenset().union(*smaller) == members[group]
