"""The product file and the feature entries are read defensively, and every problem is told at once."""

import random
import subprocess
import sys
from contextlib import suppress

import pytest

from reversion.adapters.documents import read_entries, read_product
from reversion.adapters.repository import Repository
from reversion.errors import ProductInvalid
from reversion.product import Product
from tests.gitbuilder import GitBuilder

FILES = ("ansible/staging/hosts.yml", "ansible/live/hosts.yml", "ansible/restore.yml", "reversion.yaml")
GOOD = """\
schema: reversion.product/1
product: shop
services:
  catalog:
    repository: https://git.example/shop/catalog.git
    depends_on: [inventory]
  inventory: {repository: ../inventory.git, ref: "v{version}", hosts: "stock:!old"}
environments:
  staging:
    inventory: ansible/staging
    restore: ansible/restore.yml
    observe: {url: "http://{ansible_host}:{port}/version", field: version}
    approval_timeout: 600
    test_variables: {RELEASE: 1.10, REGION: NO, BUILD: 1234567e5, AT: 12:30:45, EMPTY: ""}
    production_tests: [smoke]
  live:
    inventory: ansible/live/
    observe: {file: "/srv/{service}/VERSION"}
production_tests:
  smoke: {command: [pytest, -q], timeout: 60}
"""


def read(text: str | bytes, files: tuple[str, ...] = FILES) -> Product:
    return read_product(text.encode() if isinstance(text, str) else text, "reversion.yaml at 1a2b3c", files)


def refusal(text: str | bytes, files: tuple[str, ...] = FILES) -> str:
    with pytest.raises(ProductInvalid) as caught:
        read(text, files)
    return str(caught.value)


def test_a_good_file_becomes_a_product_with_typed_values():
    product = read(GOOD)

    assert product.environments["staging"].approval_timeout == 600
    assert product.services["catalog"].hosts == "catalog"
    assert product.services["inventory"].references("1.2") == ("v1.2",)


def test_texts_stay_as_they_are_written():
    variables = read(GOOD).environments["staging"].test_variables

    assert variables == {
        "RELEASE": "1.10",
        "REGION": "NO",
        "BUILD": "1234567e5",
        "AT": "12:30:45",
        "EMPTY": "",
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            ("    depends_on:", "    depend_on:"),
            "line 6, services.catalog.depend_on: is no key",
            id="unknown key",
        ),
        pytest.param(("    depends_on:", "    depend_on:"), "did you mean 'depends_on'", id="closest key"),
        pytest.param(
            ("[inventory]", "[inventry]"),
            "no service named 'inventry'; did you mean 'inventory'",
            id="unknown service",
        ),
        pytest.param(
            ("[inventory]", "inventory"), "services.catalog.depends_on: must be a list", id="text for a list"
        ),
        pytest.param(('ref: "v{version}"', "depends_on: [catalog]"), "catalog -> inventory -> catalog", id="circle"),
        pytest.param(("[inventory]", "[catalog]"), "catalog -> catalog", id="service needs itself"),
        pytest.param(
            ("[smoke]", "[smok]"), "no production test named 'smok'; did you mean 'smoke'", id="unknown test"
        ),
        pytest.param(
            ("ansible/restore.yml", "ansible/restor.yml"),
            "did you mean 'ansible/restore.yml'",
            id="no such file",
        ),
        pytest.param(
            ("ansible/live/", "../live"),
            "line 17, environments.live.inventory: '../live' must be a path inside",
            id="path out",
        ),
        pytest.param(("600", "soon"), "approval_timeout: must be a whole number, not 'soon'", id="no number"),
        pytest.param(
            ("600", "1"),
            "approval_timeout: input should be greater than or equal to 5",
            id="number too small",
        ),
        pytest.param(("field: version", "file: x"), "needs exactly one of url, file or command", id="two ways"),
        pytest.param(("{ansible_host}", "{{ ansible_host }}"), "write {name} for an Ansible variable", id="Jinja"),
        pytest.param(("v{version}", "v"), "must hold {version} exactly once", id="ref without version"),
        pytest.param(("  smoke: {", "  smoke: {name: x, "), "production_tests.smoke.name: is no key", id="own name"),
        pytest.param(
            ('    observe: {file: "/srv/{service}/VERSION"}', "    observe:"),
            "live.observe: is empty",
            id="empty",
        ),
        pytest.param(
            ("../inventory.git", "ext::sh"),
            "is no URL and no path that Git can clone from",
            id="transport helper",
        ),
        pytest.param(("../inventory.git", "--upload-pack=x"), "is no URL and no path", id="option for a repository"),
        pytest.param(
            ("stock:!old", "@/etc/passwd"),
            "must be an inventory group or host pattern",
            id="hosts from a file",
        ),
        pytest.param(
            ("  live:", "  Live:"), "'Live' is not allowed: write lower-case letters", id="environment's name"
        ),
        pytest.param(("product: shop\n", ""), "product: is missing", id="missing key"),
        pytest.param(
            ("product: shop", "product: shop\nproduct: x"),
            "line 3, product: stands twice",
            id="duplicate key",
        ),
    ],
)
def test_a_problem_is_told_with_its_line_field_and_mend(change, told):
    assert GOOD.count(change[0]) >= 1
    assert told in refusal(GOOD.replace(*change))


def test_every_problem_is_told_at_once():
    text = GOOD.replace("[inventory]", "[x]").replace("600", "soon").replace("ansible/live/", "nowhere")

    told = refusal(text + "colour: red\n")

    assert "has 4 problems" in told
    assert [line.split(":")[0].strip() for line in told.splitlines()[1:5]] == [
        "line 6, services.catalog.depends_on.0",
        "line 13, environments.staging.approval_timeout",
        "line 17, environments.live.inventory",
        "line 21, colour",
    ]


def test_a_password_in_an_address_is_refused_and_not_repeated():
    told = refusal(GOOD.replace("https://git.example", "https://bot:hunter2@git.example"))

    assert "holds a password" in told
    assert "hunter2" not in told


def test_conventions_are_told_by_their_own_keys():
    told = refusal(
        GOOD + "features: {conventions: [{kind: line, nam: [x]}, {kind: tag}, {kind: pattern, regex: x}]}\n"
    )

    assert "features.conventions.0.nam: is no key that Reversion knows; did you mean 'names'" in told
    assert "features.conventions.1: 'kind' must be one of line, trailer, key, pattern, pull_request" in told
    assert "features.conventions.2.regex: 'x' needs a group named id" in told


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        pytest.param("schema: reversion.product/2", "written for a newer Reversion", id="newer"),
        pytest.param("schema: reversion.product/0", "write 'schema: reversion.product/1'", id="older"),
        pytest.param("schema: [x]", "write 'schema: reversion.product/1'", id="no text"),
        pytest.param("", "there is no 'schema'", id="none"),
    ],
)
def test_the_schema_is_demanded(schema, told):
    assert told in refusal(GOOD.replace("schema: reversion.product/1", schema))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: &x 1\nb: 2", "alias or anchor", id="anchor"),
        pytest.param("a: *x", "alias or anchor", id="alias"),
        pytest.param("a: !!python/object:os.system x", "uses a tag", id="tag"),
        pytest.param("a: ! x", "uses a tag", id="bare tag"),
        pytest.param("[" * 25_000, "nests deeper than 20 levels", id="flow nesting"),
        pytest.param("{a: " * 25_000, "nests deeper than 20 levels", id="mapping nesting"),
        pytest.param("- " * 5_000, "nests deeper than 20 levels", id="block nesting"),
        pytest.param("? [a]\n: b", "a list or mapping as a key", id="complex key"),
        pytest.param("a: 1\n---\nb: 2", "more than one YAML document", id="two documents"),
        pytest.param("a: [1", "is no YAML", id="unfinished"),
        pytest.param('a: "\\ud800"', "stands for no character", id="surrogate"),
        pytest.param('a: "\\U00110000"', "is no YAML", id="beyond Unicode"),
        pytest.param(b"a: \xff", "is not UTF-8", id="not UTF-8"),
        pytest.param("a: \x01", "is no YAML", id="control character"),
        pytest.param("", "is empty", id="empty"),
        pytest.param("just words", "must be keys and values", id="no mapping"),
        pytest.param("#" * (1 << 20) + "\n", "at most 1048576 are read", id="too long"),
    ],
)
def test_hostile_yaml_is_refused_with_a_reason(text, told):
    assert told in refusal(text)


def test_hostile_nesting_does_not_end_the_process():
    code = (
        "from reversion.adapters.documents import *\n"
        "try: read_product(b'[' * 1_000_000, 'x', ())\n"
        "except ProductInvalid: print('refused')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == "refused\n"


def test_any_broken_text_is_refused_as_a_product_error_and_nothing_else():
    chance = random.Random(7)
    pieces = [
        *GOOD,
        "\n",
        " ",
        "{",
        "}",
        "[",
        "]",
        ":",
        "-",
        "&",
        "*",
        "!",
        '"',
        "\\",
        "\x00",
        "\ud7ff",
        "| ",
        "> ",
        "%",
    ]
    for _ in range(150):
        text = list(GOOD)
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(text))
            text[place : place + chance.randint(0, 4)] = chance.choices(pieces, k=chance.randint(0, 3))
        with suppress(ProductInvalid):
            read("".join(text))


def entries_of(tmp_path, files: dict[str, str], pattern: str | None = "features/*.yaml"):
    product = GitBuilder(tmp_path / "product")
    commit = product.commit("Write entries", files)
    return read_entries(Repository(product.path), commit, pattern, ("cart", "payment"))


def test_entries_are_read_from_matching_files_only_and_sorted_by_id(tmp_path):
    found = entries_of(
        tmp_path,
        {
            "features/b.yaml": "schema: reversion.feature/1\nid: SHOP-2\ntitle: Gift cards\nkeys: [PAY-7]\n",
            "features/a.yaml": "- {id: SHOP-9, kind: security}\n- {id: SHOP-1, requires: [cart]}\n",
            "features/old/c.yaml": "id: SHOP-3\n",
            "features/readme.md": "no entry",
        },
    )

    assert [entry.id for entry in found] == ["SHOP-1", "SHOP-2", "SHOP-9"]
    assert found[1].title == "Gift cards"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param({"features/a.yaml": "id: A-1\n", "features/b.yaml": "id: A-1\n"}, "two entries", id="same id"),
        pytest.param({"features/a.yaml": "id: A-1\nowned: x\n"}, "line 2, owned: is no key", id="unknown key"),
        pytest.param({"features/a.yaml": "id: A-1\nrequires: [crt]\n"}, "Did you mean 'cart'?", id="unknown service"),
        pytest.param({"features/a.yaml": "id: A-1\nexclude: [crt@9f3c2ab]\n"}, "mean 'cart'?", id="excluded there"),
        pytest.param({"features/a.yaml": "id: A-1\npull_requests: [pay#1]\n"}, "'pay'", id="pull request there"),
        pytest.param({"features/a.yaml": "schema: reversion.feature/2\nid: A\n"}, "newer Reversion", id="newer"),
        pytest.param({"features/a.yaml": "- x\n"}, "0: must be keys and values", id="no entry"),
        pytest.param({"features/a.yaml": ""}, "features/a.yaml at", id="empty file"),
    ],
)
def test_a_wrong_entry_names_its_file(tmp_path, files, told):
    with pytest.raises(ProductInvalid) as caught:
        entries_of(tmp_path, files)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{kind: svn}", "versions.0: 'kind' must be one of submodules, list, mapping, env, compose"),
        ("{kind: list}", "versions.0.files: is missing"),
        ("{kind: list, files: []}", "versions.0.files: must not be empty"),
        ("{kind: list, files: [../a]}", "versions.0.files.0: '../a' must be a path inside the product"),
        ("{kind: env, fils: [a]}", "versions.0.fils: is no key that Reversion knows; did you mean 'files'"),
        ("{kind: env, written: x}", "versions.0.written: 'x' must hold {version} exactly once"),
        ("{kind: list, files: [a], keys: [a, b, c]}", "versions.0.keys: must be the keys of name and version"),
    ],
)
def test_a_wrong_source_of_versions_is_told_once_with_its_mend(source, told):
    assert f", line 22, {told}" in refusal(f"{GOOD}versions:\n  - {source}\n")


def test_without_a_pattern_there_are_no_entries(tmp_path):
    assert entries_of(tmp_path, {"features/a.yaml": "id: A-1\n"}, None) == ()
