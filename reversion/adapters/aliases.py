"""Each service on each host as an inventory host of its own: `catalog@staging-1`.

So one run restores many services side by side, each with its own result, and nothing but the environment's
hosts can be named. An alias has its real host's address and resolved variables. A playbook may use, besides
these:

    reversion_service, reversion_host      which service this alias is, and its real host's name
    reversion_environment                  the environment's name
    reversion_version, reversion_commit    what to restore, and the commit that it names (may be empty)
    reversion_snapshot                     the snapshot's tag
    the service's own `variables` of reversion.yaml

All of these are data: Ansible never templates them. An alias is in the group `reversion_targets` and in its
real host's groups, but not in the groups where other services run, so `hosts: catalog` means the aliases of
catalog only. What a role must not assume: that `inventory_hostname` is the real name, or that `groups` and
`hostvars` know the real hosts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import Fence
from reversion.adapters.inventory import Host, Inventory
from reversion.errors import ProductInvalid
from reversion.product import Product, Service
from reversion.text import plain

TARGETS = "reversion_targets"
_RESERVED = ("reversion_", "ansible_")


@dataclass(frozen=True)
class Target:
    """One service on one host."""

    service: str
    host: str

    @property
    def alias(self) -> str:
        return f"{self.service}@{re.sub(r'[^A-Za-z0-9_.-]', '_', self.host)}"


@dataclass(frozen=True)
class Member:
    """One host of an inventory to write: its name there, the real host, groups, further variables as JSON."""

    name: str
    host: Host
    groups: tuple[str, ...]
    variables: str = "{}"

    def having(self, **variables: Any) -> "Member":
        """Return the member with more variables; text is a template unless it is marked as `data`."""
        return replace(self, variables=json.dumps({**json.loads(self.variables), **variables}))


def instances(product: Product, inventory: Inventory) -> tuple[Target, ...]:
    """Return each service on each host of its pattern, in the product file's order, then by host."""
    return tuple(
        Target(service.name, host)
        for service in product.services.values()
        for host in inventory.matching(service.hosts)
    )


def make_alias(product: Product, inventory: Inventory, target: Target, about: Mapping[str, str]) -> Member:
    """Build a service's alias on a host; `about` holds further `reversion_` variables without that prefix."""
    service = product.service(target.service)
    host = inventory.host(target.host)
    foreign = {other.hosts for other in product.services.values()} - {service.hosts}
    told = {"service": service.name, "host": host.name, "environment": inventory.environment, **about}
    variables = {**_own_variables(service), **{f"reversion_{name}": value for name, value in told.items()}}
    as_data = {name: data(value) for name, value in variables.items()}
    groups = tuple(group for group in host.groups if group not in foreign and not group.startswith("reversion_"))
    return Member(target.alias, host, (TARGETS, *groups)).having(**as_data)


def write_inventory(path: Path, inventory: Inventory, members: tuple[Member, ...], fence: Fence) -> None:
    """Write an inventory of these members, readable by its owner only."""
    names = [member.name for member in members]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ProductInvalid(
            f"The inventory of {inventory.environment}: {plain(', '.join(twice), 200)} would stand for two hosts.",
            "Rename one of the hosts, or ask for each service once.",
        )
    groups: dict[str, dict[str, Any]] = {}
    for member in members:
        for group in member.groups:
            groups.setdefault(group, {"hosts": {}})["hosts"][member.name] = {}
    everyone = {
        "hosts": {member.name: _variables(member, fence) for member in members},
        "vars": json.loads(inventory.variables),
        "children": groups,
    }
    path.touch(mode=0o600)
    path.write_text(to_yaml({"all": everyone}) + "\n", encoding="ascii")


def _own_variables(service: Service) -> dict[str, str]:
    for name in service.variables:
        if name.startswith(_RESERVED):
            raise ProductInvalid(
                f"services.{service.name}.variables: '{plain(name, 80)}' is reserved.",
                "Set ansible_ variables in the inventory; reversion_ variables are set by Reversion.",
            )
    return service.variables


def _variables(member: Member, fence: Fence) -> dict[str, Any]:
    variables: dict[str, Any] = json.loads(member.host.variables)
    variables["ansible_ssh_host" if variables.get("ansible_ssh_host") else "ansible_host"] = member.host.address
    if "ansible_ssh_common_args" in variables:
        variables["ansible_ssh_common_args"] = fence.arguments(variables["ansible_ssh_common_args"])
    return {**variables, **json.loads(member.variables)}
