"""What the product's own files said of versions at a commit is read out of Git, whatever lies in the folder."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from reversion.adapters.repository import Repository
from reversion.adapters.version_reading import read_sources
from reversion.errors import ProductInvalid
from reversion.version_sets import VersionSet, merge
from reversion.version_sources import VersionSource
from tests.builders import a_product
from tests.gitbuilder import GitBuilder

LIST = {"kind": "list", "files": ["versions.json"]}
MAPPING = {"kind": "mapping", "files": ["versions.yaml"]}


@pytest.fixture
def git(tmp_path: Path) -> GitBuilder:
    return GitBuilder(tmp_path / "product")


def read(git: GitBuilder, *sources: dict[str, Any], at: str = "HEAD", **services: dict[str, Any]) -> VersionSet:
    product = a_product(**(services or {"cart": {}, "pay": {}}))
    parsed = TypeAdapter(tuple[VersionSource, ...]).validate_python(sources)
    commit = git.head(at)
    readings = read_sources(Repository(git.path), commit, parsed, tuple(product.services.values()))
    return merge(at, commit, tuple(product.services), readings)


def refusal(git: GitBuilder, *sources: dict[str, Any]) -> str:
    with pytest.raises(ProductInvalid) as caught:
        read(git, *sources)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "files"),
    [
        (LIST, {"versions.json": '[{"name": "cart", "version": 1.10}, {"id": "pay-2.0"}]'}),
        ({"kind": "list", "files": ["v.yml"]}, {"v.yml": "- {name: cart, version: 1.10}\n- pay-2.0\n"}),
        (MAPPING, {"versions.yaml": "cart: 1.10\npay: 2.0\n"}),
        (
            {"kind": "mapping", "files": ["values.yaml"], "field": "{service}.image.tag"},
            {"values.yaml": "image: &i {tag: 2.0}\ncart: {image: {tag: 1.10}}\npay: {image: *i}\n"},
        ),
        (
            {"kind": "mapping", "files": ["apps/{service}/values.yaml"], "field": "image.tag"},
            {"apps/cart/values.yaml": "image: {tag: 1.10}", "apps/pay/values.yaml": "image: {tag: 2.0}"},
        ),
        ({"kind": "env"}, {".env": "CART_VERSION=1.10\nexport PAY_VERSION='2.0'\n"}),
        (
            {"kind": "compose"},
            {
                "docker-compose.yml": "services:\n  cart: {image: 'r:5/cart:${C}'}\n  pay: {image: 'p:${P:-2.0}'}\n",
                ".env": "C=1.10\n",
            },
        ),
        (
            {"kind": "compose", "files": ["deploy/c.yaml"], "env_files": ["one.env", "two.env"]},
            {
                "deploy/c.yaml": "services:\n  cart: {image: 'cart:${C}'}\n  pay: {image: 'pay:${P}'}\n",
                "deploy/.env": "C=9\nP=9\n",
                "one.env": "C=1.0\nP=2.0\n",
                "two.env": "C=1.10\n",
            },
        ),
        (
            {"kind": "compose", "files": ["deploy/c.yaml"]},
            {
                "deploy/c.yaml": "x: &a {image: 'p:${P}'}\nservices:\n  cart: {image: cart:1.10}\n  pay: {<<: *a}\n",
                "deploy/.env": "P=2.0\n",
            },
        ),
    ],
    ids=["json", "list", "mapping", "helm", "file by service", "env", "compose", "env files", "merged compose"],
)
def test_each_kind_of_file_gives_the_versions_as_they_are_written(git, source, files):
    git.commit("Write versions", files)

    assert read(git, source).versions() == {"cart": "1.10", "pay": "2.0"}


def test_the_file_counts_as_the_commit_has_it(git):
    git.commit("One", {"versions.yaml": "cart: 1.0\npay: 1.0\n"})
    git.tag("v1")
    git.commit("Two", {"versions.yaml": "cart: 2.0\n"})
    (git.path / "versions.yaml").write_text("rubbish")

    assert read(git, MAPPING, at="v1").versions() == {"cart": "1.0", "pay": "1.0"}
    assert read(git, MAPPING).versions() == {"cart": "2.0"}
    assert read(git, MAPPING).unnamed == ("pay",)


def test_the_first_file_that_is_there_counts(git):
    git.commit("Old place", {"old.yaml": "cart: 1.0\npay: 1.0\n"})
    git.tag("v1")
    git.commit("New place", {"new.yaml": "cart: 2.0\npay: 2.0\n"})
    moved = {"kind": "mapping", "files": ["new.yaml", "old.yaml"]}

    assert read(git, moved, at="v1").versions() == {"cart": "1.0", "pay": "1.0"}
    assert read(git, moved).versions() == {"cart": "2.0", "pay": "2.0"}


def test_sources_are_taken_in_their_order(git):
    git.commit("Write", {"versions.yaml": "cart: 1.0\npay: ''\n", ".env": "CART_VERSION=9\nPAY_VERSION=2.0\n"})

    assert read(git, MAPPING, {"kind": "env"}).versions() == {"cart": "1.0", "pay": "2.0"}


def test_a_source_that_is_not_there_makes_what_nothing_names_unknown(git):
    git.commit("Write", {"versions.yaml": "cart: 1.0\n"})

    found = read(git, MAPPING, {"kind": "env"})

    assert found.versions() == {"cart": "1.0", "pay": None}
    assert found.notes()[0] == "HEAD has no .env, which is left out."


def test_submodules_stand_at_commits(git):
    ids = {"services/cart": "1" * 40, "pay": "2" * 40, "ansible/roles/common": "3" * 40}
    for path, id in ids.items():
        git.git("update-index", "--add", "--cacheinfo", f"160000,{id},{path}")
    git.commit("Add submodules")

    found = read(git, {"kind": "submodules"})

    assert found.versions() == {"cart": "1" * 40, "pay": "2" * 40}
    assert found.foreign == ("ansible/roles/common",)


def test_two_submodules_of_one_name_must_be_told_apart(git):
    for number, path in enumerate(("old/cart", "new/cart"), 1):
        git.git("update-index", "--add", "--cacheinfo", f"160000,{str(number) * 40},{path}")
    git.commit("Add submodules")

    assert read(git, {"kind": "submodules"}, cart={"version_name": "old/cart"}).versions() == {"cart": "1" * 40}
    unknown = read(git, {"kind": "submodules"}, cart={})
    assert unknown.versions() == {"cart": None}
    assert "there are several submodules of that name: new/cart, old/cart" in unknown.services["cart"].problem


def test_a_service_may_go_by_another_name(git):
    git.commit("Write", {"versions.json": '["mod-cart-1.0", "payments-2.0"]'})

    found = read(git, LIST | {"called": "mod-{service}"}, cart={}, pay={"version_name": "x"})
    assert (found.versions(), found.foreign) == ({"cart": "1.0"}, ("payments",))
    found = read(git, LIST, cart={"version_name": "mod-cart"}, pay={"version_name": "payments"})
    assert (found.versions(), found.foreign) == ({"cart": "1.0", "pay": "2.0"}, ())


def test_one_version_may_be_every_services(git):
    git.commit("Write", {"Chart.yaml": "appVersion: v1.10\n"})

    found = read(git, {"kind": "mapping", "files": ["Chart.yaml"], "field": "appVersion", "written": "v{version}"})

    assert found.versions() == {"cart": "1.10", "pay": "1.10"}


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        (LIST, "[", "versions.json at {at}, line 1: is no JSON: Expecting value"),
        (LIST, '[{"name": "cart",\n "name": "pay"}]', "versions.json at {at}, name: stands twice"),
        (LIST, "[" * 100_000, "versions.json at {at} is no JSON: it nests too deep"),
        (LIST, '{"cart": "1"}', "versions.json at {at} must be a list"),
        (LIST, '[{"module": "cart"}]', "versions.json at {at}, 0: has neither 'name' nor 'id'"),
        (LIST, "\ud800".encode("utf-8", "surrogatepass"), "versions.json at {at}, line 1: is not UTF-8 text"),
        (LIST, '"' + "x" * (1 << 20) + '"', "versions.json at {at} is 1048578 bytes long; at most 1048576"),
        (MAPPING, "cart: [1", "versions.yaml at {at}, line 1: is no YAML"),
        (MAPPING, "pay: 1\ncart: 1\ncart: 2\n", "versions.yaml at {at}, line 3, cart: stands twice"),
        (MAPPING, "- cart\n", "versions.yaml at {at}, line 1: must be keys and values"),
        (MAPPING | {"field": "a.{service}"}, "b: 1\n", "versions.yaml at {at}, line 1, a: is not there"),
        (MAPPING, "cart: *x\n", "versions.yaml at {at}, line 1, cart: uses the alias *x of nothing above"),
        (MAPPING, "", "versions.yaml at {at} is empty"),
        ({"kind": "env", "files": ["a.env"]}, "A=1\n=====\n", "a.env at {at}, line 2: is no NAME=value"),
        ({"kind": "env", "files": ["a.env"]}, "A=1\nA=2\n", "a.env at {at}, line 2, A: stands twice"),
        (
            {"kind": "compose", "files": ["c.yml"]},
            "cart: {}\n",
            "c.yml at {at}, line 1, services: must be the services",
        ),
    ],
)
def test_a_file_that_can_not_be_read_is_named_with_commit_place_and_mend(git, source, text, said):
    (git.path / source["files"][0]).write_bytes(text.encode() if isinstance(text, str) else text)
    git.git("add", "--all")
    at = git.commit("Write")[:10]

    found = refusal(git, source)

    assert found.startswith(said.replace("{at}", at))
    assert "choose another commit, or leave the file out of 'versions' in reversion.yaml." in found


@pytest.mark.parametrize(
    "text", ["1" * 1000, "--output=x", "'{{ .Values.tag }}'", "${TAG}", "'$(id)'", "[1]", '"1\\u001b[2J"', "{tag: 1}"]
)
def test_a_text_that_is_no_version_makes_only_its_service_unknown(git, text):
    at = git.commit("Write", {"versions.yaml": f"pay: 2.0\ncart: {text}\n"})[:10]

    found = read(git, MAPPING)

    assert found.versions() == {"cart": None, "pay": "2.0"}
    assert found.services["cart"].problem.startswith(f"versions.yaml at {at}, line 2, cart: ")
    assert "\x1b" not in found.services["cart"].problem


def test_a_service_that_stands_twice_is_unknown_unless_it_says_the_same(git):
    git.commit("Write", {"versions.json": '["cart-1", "cart-2", "pay-1", "pay-1", "x-1", "x-2"]'})

    found = read(git, LIST)

    assert found.versions() == {"cart": None, "pay": "1"}
    assert "cart stands there more than once: 1 and 2" in found.services["cart"].problem


def test_where_no_source_is_there_the_nearest_file_is_named(git):
    at = git.commit("Write", {"deploy/versions.yaml": "cart: 1\n", "folder.yaml/x": ""})[:10]

    found = refusal(git, {"kind": "submodules"}, {"kind": "mapping", "files": ["deploy/version.yaml", "folder.yaml"]})

    assert found == (
        f"The product's commit {at} has no submodules, no deploy/version.yaml or folder.yaml. "
        "Did you mean 'deploy/versions.yaml'? Correct 'versions' in reversion.yaml, or choose another commit."
    )


def test_secrets_beside_versions_are_never_told(git):
    git.commit("Write", {".env": "CART_VERSION=1.0\nPAY_VERSION=2.0\nDB_PASSWORD=hunter2\nWEB_VERSION=3\n"})

    found = read(git, {"kind": "env"})

    assert found.foreign == ("WEB_VERSION",)
    assert "hunter2" not in found.model_dump_json()
