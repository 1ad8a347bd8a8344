"""Ansible's inventory becomes plain values: hosts, addresses, groups, patterns, shared hosts."""

from pathlib import Path

import pytest

from reversion.adapters.inventory import Host, Inventory, read_inventory, shared_hosts
from reversion.errors import ProductInvalid
from reversion.product import Environment, Observe


def an_environment(inventory: str = "inv/staging", restore: str | None = None) -> Environment:
    return Environment(name="staging", inventory=inventory, restore=restore, observe=Observe(file="/srv/VERSION"))


def a_tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def an_inventory(name: str, *hosts: tuple[str, str]) -> Inventory:
    return Inventory(name, tuple(Host(host, address, ()) for host, address in hosts))


HOSTS = """
all:
  vars: {everywhere: yes-here}
  children:
    catalog: {hosts: {staging-1: {ansible_host: 127.0.4.1}, staging-2: }}
    orders: {hosts: {staging-2: }}
    database: {hosts: {staging-db: {ansible_ssh_host: 127.0.4.9}}}
    apps: {children: {catalog: , orders: }}
"""


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    tree = a_tree(
        tmp_path_factory.mktemp("product"),
        **{
            "inv/staging/hosts.yml": HOSTS,
            "inv/staging/README.md": "Not an inventory.\n",
            "inv/staging/group_vars/catalog.yml": "secret_word: plover\n",
            "play/restore.yml": "[]\n",
            "play/group_vars/catalog.yml": "beside_the_playbook: 1\n",
        },
    )
    return read_inventory(tree, an_environment(restore="play/restore.yml"))


def test_every_host_has_its_address_and_all_its_groups_parents_included(staging: Inventory) -> None:
    told = [(host.name, host.address, host.groups) for host in staging.hosts]

    assert told == [
        ("staging-1", "127.0.4.1", ("apps", "catalog")),
        ("staging-2", "staging-2", ("apps", "catalog", "orders")),
        ("staging-db", "127.0.4.9", ("database",)),
    ]


def test_variables_beside_the_playbook_count_as_they_do_for_ansible(staging: Inventory) -> None:
    assert '"beside_the_playbook": 1' in staging.host("staging-1").variables


def test_what_all_hosts_get_is_known_for_localhost_too(staging: Inventory) -> None:
    assert staging.variables == '{"everywhere": "yes-here"}'


def test_an_inventory_shows_no_variables_when_it_is_printed(staging: Inventory) -> None:
    assert "plover" in staging.host("staging-1").variables
    assert "plover" not in repr(staging)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        pytest.param("all", "1 2 db", id="all"),
        pytest.param("catalog", "1 2", id="a group"),
        pytest.param("apps", "1 2", id="a parent group"),
        pytest.param("staging-db", "db", id="a host"),
        pytest.param("orders:database", "2 db", id="groups parted by colons"),
        pytest.param("orders, database", "2 db", id="groups parted by commas"),
        pytest.param("catalog:!orders", "1", id="all of a group without another"),
        pytest.param("!orders:catalog", "1", id="the order does not matter"),
        pytest.param("catalog:&orders", "2", id="only what both have"),
        pytest.param("!apps", "db", id="only an exclusion"),
        pytest.param("staging-?", "1 2", id="a glob of hosts"),
        pytest.param("cat*", "1 2", id="a glob of groups"),
        pytest.param("payments", "", id="nothing of that name"),
    ],
)
def test_a_pattern_means_the_hosts_that_it_means_for_ansible(staging: Inventory, pattern: str, hosts: str) -> None:
    assert staging.matching(pattern) == tuple(f"staging-{host}" for host in hosts.split())


@pytest.mark.parametrize("pattern", ["catalog[0]", "~staging-.*"])
def test_a_pattern_that_is_not_understood_is_refused(staging: Inventory, pattern: str) -> None:
    with pytest.raises(ProductInvalid, match="Name groups, hosts or globs"):
        staging.matching(pattern)


def test_an_inventory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProductInvalid, match=r"environments\.staging\.inventory: there is no inv/gone"):
        read_inventory(tmp_path, an_environment("inv/gone"))


def test_one_unreadable_file_of_an_inventory_is_an_error_and_is_named_with_its_line(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, **{"inv/staging/hosts.yml": HOSTS, "inv/staging/more.yml": "all:\n  hosts: [\n"})

    with pytest.raises(ProductInvalid) as error:
        read_inventory(tree, an_environment())

    assert "inv/staging/more.yml:" in error.value.message
    assert "YAML parsing failed" in error.value.message
    assert str(tmp_path) not in error.value.message
    assert "\n" not in str(error.value)


def test_an_inventory_without_hosts_is_an_error(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, **{"inv/staging": "[catalog]\n"})

    with pytest.raises(ProductInvalid, match="has no hosts"):
        read_inventory(tree, an_environment())


def test_an_address_that_is_a_template_is_rendered(tmp_path: Path) -> None:
    hosts = "all: {hosts: {web: {ansible_host: '{{ inventory_hostname }}.staging.example'}, db: {}}}\n"
    tree = a_tree(tmp_path, **{"inv/staging": hosts})

    inventory = read_inventory(tree, an_environment())

    assert [host.address for host in inventory.hosts] == ["db", "web.staging.example"]


def test_an_address_that_nobody_can_compare_is_refused(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, **{"inv/staging": "web ansible_host='{{ no_such_variable }}'\n"})

    with pytest.raises(ProductInvalid, match="Write the address itself"):
        read_inventory(tree, an_environment())


def test_a_vaulted_file_without_a_password_says_what_to_give(tmp_path: Path) -> None:
    vaulted = "$ANSIBLE_VAULT;1.1;AES256\n" + "3" * 80 + "\n"
    tree = a_tree(tmp_path, **{"inv/staging/hosts": "web\n", "inv/staging/group_vars/all.yml": vaulted})

    with pytest.raises(ProductInvalid, match="vault_password_file"):
        read_inventory(tree, an_environment())


@pytest.mark.parametrize(
    ("other", "declared", "shared"),
    [
        pytest.param([("test-1", "10.0.1.1")], (), (), id="nothing in common"),
        pytest.param([("web", "10.0.1.1")], (), ("web",), id="the same name"),
        pytest.param([("test-1", "10.0.0.1")], (), ("10.0.0.1",), id="the same address under another name"),
        pytest.param([("10.0.0.1", "x")], (), ("10.0.0.1",), id="one's name is the other's address"),
        pytest.param([("WEB", "10.0.0.1")], (), ("10.0.0.1", "web"), id="letters of another case"),
        pytest.param([("web", "10.0.0.1")], ("web",), (), id="declared by name"),
        pytest.param([("other", "10.0.0.1")], ("10.0.0.1",), (), id="declared by address"),
    ],
)
def test_what_two_environments_share_is_told_unless_it_was_declared(
    other: list[tuple[str, str]], declared: tuple[str, ...], shared: tuple[str, ...]
) -> None:
    mine = an_inventory("staging", ("web", "10.0.0.1"))

    assert shared_hosts(mine, an_inventory("test", *other), declared) == shared
