"""A product with many tiny environments: one service, one host each on a local connection, a version file."""

import sys
from pathlib import Path

from benchmarks.lab.services import NEW, OLD
from tests.gitbuilder import GitBuilder

_PRODUCT = """\
schema: reversion.product/1
product: {product}
services:
  only: {{repository: ../only, hosts: all}}
environments:
"""
_ENVIRONMENT = """\
  {name}:
    inventory: ansible/{name}.yml
    restore: ansible/restore.yml
    observe: {{file: "{root}/{{reversion_host}}/VERSION"}}
    production_tests: [works]
"""
_REST = """\
features:
  conventions:
    - {kind: line, names: [Feature]}
production_tests:
  works: {command: ["true"], timeout: 60}
"""
_RESTORE = """\
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Write the version
      ansible.builtin.copy:
        content: "{{{{ reversion_version }}}}"
        dest: "{root}/{{{{ reversion_host }}}}/VERSION"
"""
_INVENTORY = """\
all:
  vars: {{ansible_connection: local, ansible_python_interpreter: "{python}"}}
  hosts: {{{name}-1: {{ansible_host: {address}}}}}
"""


class Tiny:
    """The product, and what its environments run."""

    def __init__(self, folder: Path, count: int, *, name: str = "tiny") -> None:
        self.name, self.root, self._run = name, folder / "product", folder / "run"
        self.environments = tuple(f"e{number:02}" for number in range(1, count + 1))
        _write_service(folder / "only")
        listed = "".join(_ENVIRONMENT.format(name=each, root=self._run) for each in self.environments)
        files = {
            "reversion.yaml": _PRODUCT.format(product=name) + listed + _REST,
            "ansible/restore.yml": _RESTORE.format(root=self._run),
        }
        for number, environment in enumerate(self.environments, 1):
            address = f"127.1.{number // 250}.{number % 250 + 1}"
            files[f"ansible/{environment}.yml"] = _INVENTORY.format(
                name=environment, address=address, python=sys.executable
            )
        GitBuilder(self.root).commit("Describe the product", files)

    def move(self, version: str) -> None:
        """Let every environment run a version."""
        for name in self.environments:
            file = self._run / f"{name}-1" / "VERSION"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(version)

    def running(self) -> dict[str, str]:
        """Read what every environment runs."""
        return {name: (self._run / f"{name}-1" / "VERSION").read_text() for name in self.environments}


def _write_service(path: Path) -> None:
    service = GitBuilder(path)
    for number, version in enumerate((OLD, NEW), 1):
        service.commit(f"feat: part {number}\n\nFeature: TINY-{number}", {"a.txt": version})
        service.tag(f"v{version}")
