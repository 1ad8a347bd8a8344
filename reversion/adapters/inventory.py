"""An environment's Ansible inventory, resolved by Ansible itself into plain values.

What Ansible knows of the hosts may hold secrets (variables of a vaulted file come decrypted). An `Inventory`
therefore shows no variables when printed, and is not to be stored.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from reversion.adapters import host_patterns
from reversion.adapters.ansible_settings import run_command, surroundings
from reversion.errors import ProductInvalid
from reversion.product import Environment
from reversion.text import plain

_ADDRESS = re.compile(r"[A-Za-z0-9_.:%-]{1,255}")
_EVERYWHERE = "reversion-localhost"


@dataclass(frozen=True)
class Host:
    """One host: its address as Ansible connects to it, all of its groups, its resolved variables as JSON.

    The JSON is Ansible's own: `__ansible_vault` and `__ansible_unsafe` mark what is encrypted and what is no
    template.
    """

    name: str
    address: str
    groups: tuple[str, ...]
    variables: str = field(default="{}", repr=False)


@dataclass(frozen=True)
class Inventory:
    """The hosts of one environment, by name. `variables` is the JSON of what every host, and localhost, gets."""

    environment: str
    hosts: tuple[Host, ...]
    variables: str = field(default="{}", repr=False)

    def host(self, name: str) -> Host:
        """Return the host, or raise ProductInvalid."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise ProductInvalid(
            f"The inventory of {self.environment} has no host '{plain(name, 80)}'.",
            "Take the hosts from the inventory of the same commit.",
        )

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the names of the hosts that an Ansible pattern means; ProductInvalid for one not understood."""
        if problem := host_patterns.unsupported(pattern):
            raise ProductInvalid(f"The host pattern {problem}.", "Name groups, hosts or globs instead.")
        return host_patterns.matching(pattern, {host.name: host.groups for host in self.hosts})


def read_inventory(tree: Path, environment: Environment) -> Inventory:
    """Let Ansible resolve the environment's inventory; group_vars next to the playbook count too.

    A part of it that Ansible can't read is an error, not the warning that Ansible makes of it: an environment
    that silently lacks hosts must not be reverted. Raise ProductInvalid.
    """
    path = tree / environment.inventory
    if not path.exists():
        raise ProductInvalid(
            f"environments.{environment.name}.inventory: there is no {environment.inventory}.",
            "Correct the path in reversion.yaml.",
        )
    if "," in environment.inventory:
        raise ProductInvalid(
            f"environments.{environment.name}.inventory: '{environment.inventory}' holds a comma.",
            "Rename it.",
        )
    listed = _list(tree, environment)
    groups = {name: group for name, group in listed.items() if name != "_meta" and isinstance(group, dict)}
    variables = listed.get("_meta", {}).get("hostvars", {})
    membership = _membership(groups)
    everywhere = _json(variables.pop(_EVERYWHERE, None))
    membership.pop(_EVERYWHERE, None)
    addresses = _addresses(tree, environment, {name: variables.get(name, {}) for name in membership})
    hosts = tuple(
        Host(name, addresses[name], membership[name], _json(variables.get(name))) for name in sorted(membership)
    )
    if not hosts:
        raise ProductInvalid(
            f"The inventory of {environment.name}, {environment.inventory}, has no hosts.",
            "Add the environment's hosts to it, or correct the path in reversion.yaml.",
        )
    return Inventory(environment.name, hosts, everywhere)


def shared_hosts(mine: Inventory, other: Inventory, declared: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names and addresses that both environments have and that were not declared as shared."""
    both = _known_as(mine) & _known_as(other)
    allowed = {name.lower() for name in declared}
    for inventory in (mine, other):
        for host in inventory.hosts:
            if allowed & {host.name.lower(), host.address.lower()}:
                both -= {host.name.lower(), host.address.lower()}
    return tuple(sorted(both))


def _known_as(inventory: Inventory) -> set[str]:
    return {name.lower() for host in inventory.hosts for name in (host.name, host.address)}


def _list(tree: Path, environment: Environment) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="reversion-") as aside:
        everywhere = Path(aside, "hosts.yml")
        everywhere.write_text(f"all: {{hosts: {{{_EVERYWHERE}: {{}}}}}}\n", encoding="utf-8")
        ended = _ask(tree, environment, "ansible-inventory", "--list", "-i", str(everywhere))
    if ended.returncode == 0:
        try:
            listed: dict[str, Any] = json.loads(ended.stdout)
            return listed
        except ValueError:
            pass
    raise ProductInvalid(
        f"Ansible can't read the inventory of {environment.name}, {environment.inventory}: "
        f"{_reason(ended.stderr or ended.stdout, tree)}",
        "Mend it; 'ansible-inventory --list -i' shows the same."
        if "vault" not in ended.stderr.lower()
        else "Give the worker the password: vault_password_file in ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE.",
    )


def _ask(tree: Path, environment: Environment, *command: str) -> "CompletedProcess[str]":
    """Run a command of Ansible's on the environment's inventory."""
    around = surroundings(tree, environment)
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
    playbook = environment.restore or environment.configure
    beside = ("--playbook-dir", str((tree / playbook).parent)) if playbook else ()
    inventory = ("-i", str(tree / environment.inventory))
    return run_command(
        replace(around, variables={**around.variables, **strict}),
        *command[:1],
        *inventory,
        *beside,
        *command[1:],
    )


def _reason(said: str, tree: Path) -> str:
    """Fold Ansible's chain of errors into its last error, the first cause and where that is."""
    said = said.replace(f"{tree}/", "")
    errors = re.findall(r"\[ERROR\]: (.+)", said)
    causes = re.findall(r"\[WARNING\]: Failed to parse inventory with '\w+' plugin: (.+)", said)
    origins = re.findall(r"^Origin: ([^<\n]+:\d+).*", said, re.MULTILINE)
    told = [*errors[-1:], *causes[:1], *(f"({origin})" for origin in origins[:1])]
    return plain(" ".join(told) or said or "it gave no reason", 500)


def _membership(groups: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Map each host to all of its groups, parents included, `all` and `ungrouped` left out."""
    parents: dict[str, set[str]] = {}
    for name, group in groups.items():
        for child in group.get("children", ()):
            parents.setdefault(child, set()).add(name)
    found: dict[str, set[str]] = {}
    for name, group in groups.items():
        for host in group.get("hosts", ()):
            found.setdefault(host, set()).update(_above(name, parents))
    return {host: tuple(sorted(names - {"all", "ungrouped"})) for host, names in found.items()}


def _above(group: str, parents: Mapping[str, set[str]]) -> set[str]:
    seen, waiting = set(), [group]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(parents.get(name, ()))
    return seen


def _addresses(tree: Path, environment: Environment, variables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    """Return each host's address as Ansible connects to it; templates are rendered by Ansible, one more call."""
    found = {
        name: mine.get("ansible_ssh_host") or mine.get("ansible_host") or name for name, mine in variables.items()
    }
    if any(isinstance(address, str) and "{{" in address for address in found.values()):
        found |= _rendered(tree, environment)
    for name, address in found.items():
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise ProductInvalid(
                f"The inventory of {environment.name}: the address of host {plain(name, 80)} (ansible_host) is "
                "encrypted or can't be rendered, so nobody can tell whether another environment has the same.",
                "Write the address itself.",
            )
    return found


def _rendered(tree: Path, environment: Environment) -> Mapping[str, str]:
    asked = {"msg": "{{ ansible_ssh_host | default(ansible_host | default(inventory_hostname)) }}"}
    module = ("-m", "ansible.builtin.debug", "-a", json.dumps(asked))
    printed = _ask(tree, environment, "ansible", "all", *module).stdout
    answers = re.findall(r"^(\S+) \| SUCCESS => (\{.*?^\})", printed, re.MULTILINE | re.DOTALL)
    return {name: str(json.loads(answer).get("msg")) for name, answer in answers}


def _json(variables: object) -> str:
    return json.dumps(variables or {}, sort_keys=True)
