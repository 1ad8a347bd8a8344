"""The product of the laboratory: its repository, its services' repository, and the same role written out by hand."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab.hosts import Login
from benchmarks.lab.services import NEW, OLD, Services
from tests.gitbuilder import GitBuilder

_PRODUCT = """\
schema: reversion.product/1
product: {name}
services:
{services}
environments:
  staging:
    inventory: ansible/inventory.yml
    restore: ansible/restore.yml
    configuration: [ansible]
    observe: {{url: "http://{{ansible_host}}:{{http_port}}/version", field: version}}
    restore_timeout: 7200
    restore_retries: 0
    production_tests: [{tests}]
features:
  conventions:
    - {{kind: line, names: [Feature]}}
production_tests:
{checks}
"""
_SERVICE = '  {name}: {{repository: ../services, paths: [{name}], hosts: {host}, variables: {{http_port: "{port}"}}}}'
_CHECK = '  {name}: {{command: ["true"], timeout: 60}}'

_CONFIGURATION = """\
[defaults]
collections_path = {collections}
"""
_HAND_CONFIGURATION = """\
[defaults]
forks = 10
gathering = explicit
interpreter_python = /usr/bin/python3
retry_files_enabled = False
stdout_callback = default
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o PreferredAuthentications=publickey
"""

# One text, so that what is compared is the same work: {service}, {version} and {port} are how a play names them.
_TASKS = """\
- name: Make the release's folder
  ansible.builtin.file: {{path: "/srv/apps/{service}/releases/{version}", state: directory, mode: "0755"}}{loop}
- name: Unpack the release
  ansible.builtin.unarchive:
    src: "/srv/artifacts/{service}-{version}.tar.gz"
    dest: "/srv/apps/{service}/releases/{version}"
    remote_src: true{loop}
- name: Write the configuration
  ansible.builtin.template: {{src: config.json.j2, dest: "/srv/apps/{service}/config.json", mode: "0644"}}{loop}
- name: Make the release the current one
  ansible.builtin.file:
    src: "/srv/apps/{service}/releases/{version}"
    dest: "/srv/apps/{service}/current"
    state: link{loop}
- name: Restart
  ansible.builtin.command: {{argv: [/srv/bin/service, "/srv/apps/{service}", "{port}"]}}{loop}
- name: Wait until it tells the version
  ansible.builtin.uri: {{url: "http://{{{{ ansible_host }}}}:{port}/version"}}
  register: told
  until: (told.json | default({{}})).version | default('') == '{version}'
  retries: 60
  delay: 1{loop}
"""
_TEMPLATE = '{{"service": "{service}", "version": "{version}", "port": {port}}}\n'
_AS_ROLE = {
    "service": "{{ reversion_service }}",
    "version": "{{ reversion_version }}",
    "port": "{{ http_port }}",
    "loop": "",
}
_BY_HAND = {
    "service": "{{ item.name }}",
    "version": "{{ version }}",
    "port": "{{ item.port }}",
    "loop": '\n  loop: "{{ services }}"\n  loop_control: {label: "{{ item.name }}"}',
}
_AS_MODULE = """\
- name: Bring the service to the version
  reversion.deploy.release:
    root: "/srv/apps/{service}"
    version: "{version}"
    service: "{service}"
    src: "/srv/artifacts/{service}-{version}.tar.gz"
    config:
      - dest: "/srv/apps/{service}/config.json"
        content: "{{{{ lookup('ansible.builtin.template', 'config.json.j2') }}}}"
    command: [/srv/bin/service, "/srv/apps/{service}", "{port}"]
    health: {{url: "http://{{{{ ansible_host }}}}:{port}/version", field: version, timeout: 60}}
"""
_ROLE_PLAY = "- hosts: reversion_targets\n  gather_facts: false\n  strategy: host_pinned\n  roles: [release]\n"
_HAND_PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n"


@dataclass(frozen=True)
class Content:
    """What a product is made of: `collections` is where reversion.deploy is; with it, its module restores."""

    services: Services
    login: Login
    checks: int = 1
    collections: Path | None = None


def write_product(root: Path, name: str, content: Content) -> Path:
    """Write a product, and beside it the repository of its services with their two releases; return the product."""
    services, login = content.services, content.login
    _write_services(root.parent / "services", services)
    tasks = _AS_MODULE if content.collections else _TASKS
    GitBuilder(root).commit(
        "Describe the product",
        {
            "reversion.yaml": _product_file(name, services, content.checks),
            "ansible.cfg": _CONFIGURATION.format(collections=content.collections) if content.collections else "",
            "ansible/inventory.yml": _inventory(services, login),
            "ansible/restore.yml": _ROLE_PLAY,
            "ansible/roles/release/tasks/main.yml": tasks.format(**_AS_ROLE),
            "ansible/roles/release/templates/config.json.j2": _TEMPLATE.format(**_AS_ROLE),
        },
    )
    return root


def write_by_hand(folder: Path, services: Services, login: Login) -> Path:
    """Write the folder with what a person would run by hand: `ansible-playbook -i inventory.yml restore.yml`."""
    tasks = _TASKS.format(**_BY_HAND)
    play = _HAND_PLAY + "".join(f"    {line}\n" for line in tasks.splitlines())
    (folder / "templates").mkdir(parents=True)
    (folder / "ansible.cfg").write_text(_HAND_CONFIGURATION)
    (folder / "inventory.yml").write_text(_inventory(services, login))
    (folder / "restore.yml").write_text(play)
    (folder / "templates" / "config.json.j2").write_text(_TEMPLATE.format(**_BY_HAND))
    return folder


def _product_file(name: str, services: Services, checks: int) -> str:
    tests = [f"test-{number}" for number in range(1, checks + 1)]
    return _PRODUCT.format(
        name=name,
        services="\n".join(_SERVICE.format(name=one.name, host=one.host.name, port=one.port) for one in services.all),
        tests=", ".join(tests),
        checks="\n".join(_CHECK.format(name=test) for test in tests),
    )


def _inventory(services: Services, login: Login) -> str:
    lines = []
    for host in services.hosts:
        mine = ", ".join(f'{{name: {one.name}, port: "{one.port}"}}' for one in services.all if one.host is host)
        lines.append(f"    {host.name}: {{ansible_host: {host.address}, services: [{mine}]}}")
    return f"all:\n  vars: {login.variables()}\n  hosts:\n" + "\n".join(lines) + "\n"


def _write_services(path: Path, services: Services) -> None:
    """Write one repository for all services: 1.0.0, then a commit with a feature for each, then 1.1.0."""
    GitBuilder(path).commit("Begin", {"README": "The services.\n"})
    subprocess.run(
        ["git", "-C", str(path), "fast-import", "--quiet", "--force"],
        input="".join(_history([one.name for one in services.all])).encode(),
        check=True,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )


def _history(names: list[str]) -> Iterator[str]:
    for version, what in ((OLD, 0), (NEW, 1)):
        for number, name in enumerate(names):
            message = f"feat: part {what} of {name}\n\nFeature: LAB-{what * len(names) + number + 1}\n"
            when = 1_700_100_000 + 60 * (what * len(names) + number)
            yield f"commit refs/heads/main\ncommitter Ana Example <ana@example.com> {when} +0000\n"
            yield f"data {len(message)}\n{message}\n"
            yield "from refs/heads/main^0\n" if not (what or number) else ""
            yield f"M 100644 inline {name}/a.txt\ndata {len(version)}\n{version}\n"
        yield f"reset refs/tags/v{version}\nfrom refs/heads/main\n\n"
