"""A stage whose hosts are throwaway ssh servers, and a temporary folder that no other test's runs share."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

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


@contextmanager
def runs_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the runs' directories be in a temporary folder of their own until the block ends."""
    tmp_path_factory.getbasetemp()  # settle pytest's own folder before moving the temporary one
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


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
