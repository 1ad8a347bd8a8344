"""A stage whose hosts are throwaway ssh servers."""

from collections.abc import Mapping
from pathlib import Path

from reversion.adapters.inventory import read_inventory
from reversion.adapters.stage import Stage
from reversion.product import Product

RESTORE = """
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Write the version
      ansible.builtin.copy: {content: "{{ reversion_version }}", dest: "{{ root }}/{{ inventory_hostname }}"}
"""


def a_stage(tree: Path, hosts: Mapping[str, str], playbook: str = RESTORE) -> Stage:
    """Build a stage of these hosts with their variables; the service web is on all, db on the last."""
    listed = "\n".join(f"    {name}: {variables}" for name, variables in hosts.items())
    files = {
        "inventory.yml": "all:\n  vars: {ansible_python_interpreter: /usr/bin/python3, root: ROOT}\n"
        f"  hosts:\n{listed}\n  children: {{web: {{hosts: {{{', '.join(hosts)}: }}}}}}\n",
        "restore.yml": playbook,
    }
    for name, text in files.items():
        (tree / name).write_text(text.replace("ROOT", str(tree)))
    product = Product.model_validate(
        {
            "product": "shop",
            "services": {"web": {"repository": "web"}, "db": {"repository": "db", "hosts": [*hosts][-1]}},
            "environments": {
                "staging": {
                    "inventory": "inventory.yml",
                    "restore": "restore.yml",
                    "configure": "restore.yml",
                    "observe": {"file": "{root}/{inventory_hostname}"},
                }
            },
        }
    )
    environment = product.environment("staging")
    return Stage(tree, product, environment, read_inventory(tree, environment))
