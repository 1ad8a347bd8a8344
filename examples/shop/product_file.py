"""The product's files that name addresses, ports and paths of this machine."""

import json
import sys
from pathlib import Path
from textwrap import dedent, indent

from examples.shop.layout import ENVIRONMENTS, PLACES, SERVICES, Shop, first_place, hosts

DEPENDS_ON = {
    "accounts": (),
    "inventory": (),
    "payment": (),
    "catalog": (),
    "cart": ("accounts",),
    "orders": ("accounts", "inventory"),
    "web": ("catalog", "orders"),
}
"""Which versions hang together. A call that every version answers alike, as for the prices, is left out."""

BANNERS = {
    "dev": "Dev: anything may break here",
    "test": "Test: we try things here",
    "uat": "UAT: have a look before it is sold",
    "staging": "Staging: the next live",
    "live": "Welcome to the shop",
}

_LONGEST_SOCKET = 107
_SOCKET_NAME = len("/fbbb612cff.nMNHrR2fO9ztg0lo")
"""What Ansible and ssh append to the folder: a hash, and a name to make it under."""


def reversion_yaml(shop: Shop) -> str:
    """Write the product file."""
    services = "".join(indent(_service(shop, name), "  ") for name in SERVICES)
    environments = "".join(indent(_environment(shop, name), "  ") for name in ENVIRONMENTS)
    return f"""\
schema: reversion.product/1
product: shop

services:
{services}
environments:
{environments}
features:
  conventions:
    - {{kind: line, names: [Feature]}}
    - {{kind: key, projects: [SHOP, PAY]}}
  url: "https://tracker.example/browse/{{id}}"
  catalogue: features/*.yaml

production_tests:
  smoke:
    command: ["{sys.executable}", -m, pytest, tests/production/smoke, --junit-xml=report.xml]
    junit: report.xml
    timeout: 60
  checkout:
    command: ["{sys.executable}", -m, pytest, tests/production/checkout, --junit-xml=report.xml]
    junit: report.xml
    timeout: 60
"""


def _service(shop: Shop, name: str) -> str:
    migrations = 'migrations: ["migrations/**"]\n' if name == "orders" else ""
    return dedent(f"""\
        {name}:
          repository: {shop.repositories / name}
          tracked: [main]
          ref: "v{{version}}"
          hosts: {name}
          depends_on: [{", ".join(DEPENDS_ON[name])}]
          variables: {{app_port: "{shop.port(name)}"}}
        """) + indent(migrations, "  ")


def _environment(shop: Shop, name: str) -> str:
    tests = "smoke, checkout" if name in ("uat", "staging", "live") else "smoke"
    webs = " ".join(shop.url(name, number=number) for number in PLACES)
    nightly = 'nightly: {cron: "0 2 * * *", timezone: Europe/Berlin}\ntest_before_snapshot: true\n'
    return dedent(f"""\
        {name}:
          inventory: ansible/inventories/{name}
          restore: ansible/restore.yml
          configure: ansible/configure.yml
          observe: {{url: "http://{{ansible_host}}:{{app_port}}/version", field: version}}
          configuration: [ansible/inventories/{name}, ansible/roles]
          keep_current: [ansible/inventories/{name}/group_vars/all/vault.yml]
          approvers: [ana@example.com, bo@example.com]
          approval_timeout: 3600
          retry_delay: 2
          restore_timeout: 120
          production_tests: [{tests}]
          test_variables: {{SHOP_URL: "{shop.url(name)}", SHOP_URLS: "{webs}"}}
        """) + (indent(nightly, "  ") if name == "staging" else "")


def inventory(shop: Shop, environment: str) -> str:
    """Write the hosts of one environment, in a group for each service."""
    lines = [f"{environment}:", "  hosts:"]
    for host in hosts(environment):
        lines += [
            f"    {host.name}:",
            f"      ansible_host: {host.address}",
            f"      host_root: {shop.root(host)}",
        ]
    lines.append("  children:")
    for service in SERVICES:
        lines += [f"    {service}:", "      hosts:"]
        lines += [f"        {environment}-{number}:" for number, there in PLACES.items() if service in there]
    return "\n".join(lines) + "\n"


def settings(environment: str) -> str:
    """Write what people decide for one environment."""
    return f"""\
shop_environment: {environment}

shop_house_rules:
  banner: "{BANNERS[environment]}"

# Amounts are in cents.
shop_settings:
  catalog: {{currency: EUR}}
  inventory: {{first_stock: 1000000}}
  cart: {{shipping: 490, free_from: 10000}}

# What may stand in no log; the values are in vault.yml.
shop_secrets:
  payment: {{provider_token: "{{{{ vault_payment_token }}}}"}}
"""


def places(shop: Shop, environment: str) -> str:
    """Write where things are on this machine, and how its hosts are reached."""
    urls = {name: shop.url(environment, name, first_place(name)) for name in SERVICES}
    ports = {name: shop.port(name) for name in SERVICES}
    return f"""\
shop_urls: {json.dumps(urls)}
shop_ports: {json.dumps(ports)}
shop_repositories: {shop.repositories}
shop_artefacts: {shop.directory / "artefacts"}
shop_python: "{{{{ ansible_playbook_python }}}} -ES"

{_reached_by_ssh(shop) if shop.ssh else "ansible_connection: local"}
ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
"""


def _reached_by_ssh(shop: Shop) -> str:
    keys = shop.directory / "ssh"
    return dedent(f"""\
        ansible_port: {shop.ssh_port}
        ansible_ssh_private_key_file: {keys / "key"}
        ansible_ssh_common_args: -o UserKnownHostsFile={keys / "known_hosts"} -o StrictHostKeyChecking=yes""")


def ansible_cfg(directory: Path) -> str:
    """Write Ansible's settings; they keep what it writes out of the user's home."""
    return dedent(f"""\
        [defaults]
        home = {directory}/ansible
        remote_tmp = {directory}/ansible/remote
        vault_password_file = {directory}/vault-password
        forks = 8
        gathering = explicit
        retry_files_enabled = False
        localhost_warning = False

        [connection]
        pipelining = True

        [ssh_connection]
        {_shared_connections(directory / "cp")}
        """)


def _shared_connections(folder: Path) -> str:
    """Share ssh connections where the path of a socket in the folder is not too long: it may have 107 bytes."""
    if len(bytes(folder)) + _SOCKET_NAME > _LONGEST_SOCKET:
        return "ssh_args = -o ControlMaster=no"
    return f"control_path_dir = {folder}"
