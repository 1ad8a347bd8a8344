"""`reversion init` finds what there is, and writes a file that loads and overwrites nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from reversion.adapters.documents import read_product
from reversion.adapters.repository import Repository
from reversion.commands.init import init_command
from reversion.errors import InvalidInput, ProductInvalid
from reversion.operations.drafting import draft
from reversion.operations.surveying import FoundEnvironment, Survey, as_name, survey
from reversion.product import Product
from tests.gitbuilder import GitBuilder

HOSTS = """\
[catalog]
{0}-1
[stock]
{0}-2 ansible_host=192.0.2.7
[backend:children]
catalog
stock
[{0}]
{0}-1
{0}-2
"""


def folder(path: Path, files: dict[str, str]) -> Path:
    GitBuilder(path)
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def initialised(root: Path) -> Product:
    CliRunner().invoke(init_command, obj=str(root), catch_exceptions=False)
    files = tuple(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return read_product((root / "reversion.yaml").read_bytes(), "reversion.yaml", files)


def test_a_whole_product_is_found_and_the_file_loads(tmp_path):
    root = folder(
        tmp_path / "My Shop",
        {
            "ansible/inventories/staging/hosts": HOSTS.format("staging"),
            "ansible/inventories/Live_EU/hosts.ini": HOSTS.format("live"),
            "ansible/deploy.yml": "- hosts: all\n",
            "ansible/roles/service/tasks/main.yml": "[]\n",
            "tests/production/test_smoke.py": "",
            "ansible/roles/service/defaults/hosts.yml": "no: inventory\n",
        },
    )

    product = initialised(root)

    assert product.product == "my-shop"
    assert list(product.services) == ["catalog", "stock"]
    assert "of several groups above: backend. Add those that are services." in (root / "reversion.yaml").read_text()
    assert product.services["stock"].repository == "../stock.git"
    assert {name: one.inventory for name, one in product.environments.items()} == {
        "staging": "ansible/inventories/staging",
        "live-eu": "ansible/inventories/Live_EU",
    }
    assert {name: one.restore for name, one in product.environments.items()} == {
        "staging": "ansible/deploy.yml",
        "live-eu": None,
    }
    assert product.environments["staging"].configuration == ("ansible/inventories/staging", "ansible/roles")
    assert product.environments["staging"].production_tests == ("smoke",)
    assert product.production_tests["smoke"].command == ("pytest", "-q", "tests/production", "--junit-xml=report.xml")


@pytest.mark.parametrize(
    ("file", "name", "inventory"),
    [
        pytest.param("inventories/uat.yml", "uat", "inventories/uat.yml", id="a file for each environment"),
        pytest.param("hosts.ini", "staging", "hosts.ini", id="one file at the root"),
        pytest.param("ansible/inventory.yml", "staging", "ansible/inventory.yml", id="one file below ansible"),
        pytest.param("environments/dev/inventory", "dev", "environments/dev", id="another folder"),
    ],
)
def test_inventories_are_found_in_their_usual_places(tmp_path, file, name, inventory):
    text = "all: {children: {catalog: {hosts: {one: {}}}}}\n" if file.endswith("yml") else "[catalog]\none\n"

    found = survey(folder(tmp_path / "shop", {file: text}))

    assert [(one.name, one.inventory, one.hosts) for one in found.environments] == [(name, inventory, ("one",))]
    assert found.services == ("catalog",)


def test_an_inventory_that_needs_a_password_is_told_and_its_secrets_are_kept_current(tmp_path, monkeypatch):
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    vault = "ansible/inventories/staging/group_vars/all/vault.yml"
    root = folder(
        tmp_path / "shop",
        {"ansible/inventories/staging/hosts": "[catalog]\none\n", vault: "$ANSIBLE_VAULT;1.1;AES256\n6162\n"},
    )

    product = initialised(root)

    assert product.environments["staging"].keep_current == (vault,)
    assert "its hosts could not be read: " in (root / "reversion.yaml").read_text()


def test_ignored_files_do_not_count(tmp_path):
    root = folder(tmp_path / "shop", {".gitignore": "old/\n", "old/live/hosts": "[a]\nx\n", "hosts": "[b]\ny\n"})

    assert [one.inventory for one in survey(root).environments] == ["hosts"]


def test_a_file_that_is_there_is_left_alone(tmp_path):
    root = folder(tmp_path / "shop", {"hosts": "[a]\nx\n", "reversion.yaml": "mine\n"})

    with pytest.raises(InvalidInput, match="is there already"):
        initialised(root)
    assert (root / "reversion.yaml").read_text() == "mine\n"


def test_without_an_inventory_nothing_is_written(tmp_path):
    root = folder(tmp_path / "shop", {"README.md": ""})

    with pytest.raises(ProductInvalid, match="holds no Ansible inventory"):
        initialised(root)
    assert not (root / "reversion.yaml").exists()


@pytest.mark.parametrize("name", ["a b: c", "#x", "{x}", "*x", "'x\"", "-x", "ä", "!x"])
def test_any_file_name_is_written_so_that_it_is_read_back(name):
    inventory = f"inventories/{name}" if not name.startswith("-") else name.replace("-", "x-")
    environment = FoundEnvironment("staging", inventory, ("one",), secrets=(inventory,), problem="a # b: {")
    found = Survey("shop", (environment,), ("cart",), f"{inventory}.yml", None, inventory, ())

    product = read_product(draft(found).encode(), "reversion.yaml", (inventory, f"{inventory}.yml"))

    assert product.environments["staging"].inventory == inventory


@pytest.mark.parametrize(("text", "name"), [("Live_EU", "live-eu"), ("--x--", "x"), ("ä", ""), ("a" * 40, "a" * 31)])
def test_names_are_made_of_any_text(text, name):
    assert as_name(text) == name


def test_a_bare_repository_is_wrong_input_and_not_git_that_failed(tmp_path):
    GitBuilder(tmp_path / "shop").commit("Begin", {"hosts": "[catalog]\n"})
    Repository(tmp_path / "shop").run("clone", "--bare", ".", str(tmp_path / "shop.git"))

    with pytest.raises(InvalidInput, match="bare repository"):
        CliRunner().invoke(
            init_command, obj=str(tmp_path / "shop.git"), catch_exceptions=False, standalone_mode=False
        )


def test_a_clone_that_lies_beside_the_product_is_named_as_it_is(tmp_path):
    GitBuilder(tmp_path / "catalog")
    root = folder(tmp_path / "shop", {"ansible/inventories/staging/hosts": HOSTS.format("staging")})

    product = initialised(root)

    repositories = {name: service.repository for name, service in product.services.items()}
    assert repositories == {"catalog": "../catalog", "stock": "../stock.git"}
