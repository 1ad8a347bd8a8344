"""A small real product on local connections: three services whose instances are version files, and three
environments: staging and uat can be reverted, live can't.

`web` depends on `cart`; `pay` stands alone. Restoring writes the version file, observing reads it.
Features: SHOP-1 (cart, web) is in 1.0.0; SHOP-2 (cart) and the security fix SHOP-3 (pay) come with 1.1.0.
"""

import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.gitbuilder import GitBuilder

SERVICES = ("cart", "pay", "web")

PRODUCT = """\
schema: reversion.product/1
product: {name}
services:
  cart: {{repository: ../cart}}
  pay: {{repository: ../pay}}
  web: {{repository: ../web, depends_on: [cart]}}
environments:
{environments}features:
  conventions:
    - {{kind: line, names: [Feature]}}
production_tests:
  smoke:
    command: [sh, -c, 'cd {root}; test ! -e meddling || cp meddling staging-1/pay/VERSION;
      test -e red || exit 0; echo "prices are wrong"; exit 3']
    timeout: 20
  prices:
    command: [sh, -c, 'echo "<testsuite><testcase name=\\"buys\\"/></testsuite>" > report.xml']
    timeout: 20
    junit: report.xml
"""

ENVIRONMENTS = {
    "staging": """\
  staging:
    inventory: ansible/staging.yml
    restore: ansible/restore.yml
    configure: ansible/configure.yml
    observe: {file: "{root}/{reversion_host}/{service}/VERSION"}
    configuration: [ansible/staging.yml, ansible/settings.ini]
    restore_retries: 3
    retry_delay: 2
    production_tests: [smoke, prices]
""",
    "uat": """\
  uat:
    inventory: ansible/uat.yml
    restore: ansible/restore.yml
    observe: {file: "{root}/{reversion_host}/{service}/VERSION"}
    approval_timeout: 5
    approvers: [ana@example.com]
    production_tests: [smoke]
""",
    "live": """\
  live:
    inventory: ansible/live.yml
    observe: {file: "{root}/{reversion_host}/{service}/VERSION"}
""",
}

RESTORE = """\
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Claim the disk space
      ansible.builtin.fail: {msg: no space left on device}
      when: (root ~ '/broken-' ~ reversion_service) is exists
    - name: Write the version
      ansible.builtin.command:
        argv: [sh, -c, 'printf %s "$0" > "$1"', "{{ reversion_version }}", "{{ file }}"]
      vars: {file: "{{ root }}/{{ reversion_host }}/{{ reversion_service }}/VERSION"}
"""

CONFIGURE = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Write the settings
      ansible.builtin.command: >-
        cp {{ playbook_dir }}/settings.ini {{ root }}/{{ inventory_hostname }}/settings.ini
"""


@dataclass(frozen=True)
class SmallProduct:
    """Where it all is: `product` is the repository, `root` holds what runs."""

    directory: Path
    name: str
    hosts: dict[str, str] = field(default_factory=dict)
    """Where staging's services run, by service; `<environment>-1` where not told."""

    @property
    def product(self) -> Path:
        return self.directory / "product"

    @property
    def root(self) -> Path:
        return self.directory / "run"

    @property
    def home(self) -> Path:
        """Reversion's own directory, `at_home`."""
        return self.directory / "home"

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Let that be Reversion's own directory until the block ends."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REVERSION_HOME", str(self.home))
            yield

    def keep(self) -> None:
        """Put a copy of everything aside, for `take_back`."""
        shutil.copytree(self.directory, self._kept, symlinks=True)

    def take_back(self) -> None:
        """Make everything as it was when it was kept, so that many tests can begin with what was made once."""
        shutil.rmtree(self.directory)
        shutil.copytree(self._kept, self.directory, symlinks=True)

    @property
    def _kept(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}-kept")

    def run(self, environment: str, **versions: str) -> None:
        """Let the environment run these versions, behind Reversion's back."""
        for service, version in versions.items():
            file = self._file(environment, service)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(version)

    def running(self, environment: str) -> dict[str, str]:
        """Read what the environment runs."""
        return {service: self._file(environment, service).read_text() for service in SERVICES}

    def _file(self, environment: str, service: str) -> Path:
        host = self.hosts.get(service, f"{environment}-1") if environment == "staging" else f"{environment}-1"
        return self.root / host / service / "VERSION"

    def git(self) -> GitBuilder:
        return GitBuilder(self.product)

    def describe(self, *environments: str) -> None:
        """Let the product have these environments from now on."""
        self.git().commit("Describe it anew", {"reversion.yaml": product_text(self.name, self.root, environments)})

    def tags(self) -> tuple[str, ...]:
        listed = subprocess.run(
            ["git", "tag", "--list", "reversion/*"],
            cwd=self.product,
            capture_output=True,
            text=True,
            check=True,
        )
        return tuple(listed.stdout.split())


def make_small_product(
    directory: Path,
    *,
    name: str = "small",
    environments: Collection[str] = tuple(ENVIRONMENTS),
    hosts: dict[str, str] | None = None,
    restore: str = RESTORE,
) -> SmallProduct:
    """Build the services' repositories and the product; staging and uat run 1.1.0 everywhere, live 1.0.0.

    The product describes these `environments`: each costs a reversion of another one two looks.

    With `hosts`, each service of staging has a host of its own, with these Ansible variables, and nothing is
    configured but by the services.
    """
    small = SmallProduct(directory, name, {service: f"staging-{n}" for n, service in enumerate(hosts or {}, 1)})
    _services(directory)
    text = product_text(name, small.root, environments)
    product = GitBuilder(small.product)
    product.commit(
        "Describe the product",
        {
            "reversion.yaml": _without_configure(text) if hosts else text,
            "ansible/restore.yml": restore,
            "ansible/configure.yml": CONFIGURE,
            "ansible/settings.ini": "colour = blue\n",
            "ansible/staging.yml": (
                _remote_inventory(small, hosts) if hosts else _inventory("staging-1", "127.0.4.1", small.root)
            ),
            "ansible/uat.yml": _inventory("uat-1", "127.0.3.1", small.root),
            "ansible/live.yml": _inventory("live-1", "127.0.5.1", small.root),
        },
    )
    small.run("staging", cart="1.1.0", pay="1.1.0", web="1.1.0")
    small.run("uat", cart="1.1.0", pay="1.1.0", web="1.1.0")
    small.run("live", cart="1.0.0", pay="1.0.0", web="1.0.0")
    return small


def product_text(name: str, root: Path, environments: Collection[str] = tuple(ENVIRONMENTS)) -> str:
    """Return what the product file says."""
    return PRODUCT.format(name=name, root=root, environments="".join(ENVIRONMENTS[each] for each in environments))


def _without_configure(text: str) -> str:
    return text.replace("    configure: ansible/configure.yml\n", "")


def _services(directory: Path) -> None:
    said = {
        "cart": ("feat: gift cards\n\nFeature: SHOP-1", "feat: coupons\n\nFeature: SHOP-2"),
        "pay": ("feat: cards\n\nFeature: SHOP-4", "security: check amounts\n\nFeature: SHOP-3"),
        "web": ("feat: show gift cards\n\nFeature: SHOP-1", "chore: tidy"),
    }
    for name, (first, second) in said.items():
        service = GitBuilder(directory / name)
        service.commit(first, {"a.txt": "1"})
        service.tag("v1.0.0")
        service.commit(second, {"b.txt": "2"})
        service.tag("v1.1.0")


def _remote_inventory(small: SmallProduct, hosts: dict[str, str]) -> str:
    groups = "".join(f"    {service}: {{hosts: {{{small.hosts[service]}: {hosts[service]}}}}}\n" for service in hosts)
    return f"""\
all:
  vars:
    ansible_python_interpreter: {sys.executable}
    root: {small.root}
  children:
{groups}"""


def _inventory(host: str, address: str, root: Path) -> str:
    return f"""\
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
    root: {root}
  children:
    cart: {{hosts: {{{host}: {{ansible_host: {address}}}}}}}
    pay: {{hosts: {{{host}: {{}}}}}}
    web: {{hosts: {{{host}: {{}}}}}}
"""
