"""Files of other tools are read for the versions in them, and for nothing else."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from reversion.version_files import MisreadError, Told, expand, read_content, read_variables
from reversion.version_sources import VersionSource

KNOWN = frozenset({"cart", "mod-inventory", "mod-inventory-storage", "mod-2fa"})


def told(given: dict[str, Any], content: Any, **variables: str) -> tuple[Told, ...]:
    source = TypeAdapter(VersionSource).validate_python({"files": ["x"]} | given)
    return read_content(source, content, KNOWN, variables)


def versions(given: dict[str, Any], content: Any, **variables: str) -> dict[str, str]:
    """Read what has a version, by name."""
    return {one.name: one.text for one in told(given, content, **variables) if not one.problem}


def problems(given: dict[str, Any], content: Any, **variables: str) -> dict[str, str]:
    return {one.name: one.problem for one in told(given, content, **variables) if one.problem}


@pytest.mark.parametrize(
    ("entry", "name", "version"),
    [
        pytest.param({"name": "cart", "version": "1.10"}, "cart", "1.10", id="name and version"),
        pytest.param({"id": "mod-inventory-1.2.3"}, "mod-inventory", "1.2.3", id="id"),
        pytest.param({"id": "mod-inventory-storage-2.0-S.5"}, "mod-inventory-storage", "2.0-S.5", id="a longer name"),
        pytest.param({"id": "ui_stripes-core-7.2.1000889"}, "ui_stripes-core", "7.2.1000889", id="an unknown name"),
        pytest.param({"id": "mod-2fa-1.0.0"}, "mod-2fa", "1.0.0", id="a known name with a digit after a dash"),
        pytest.param({"id": "cart-v1.0"}, "cart", "v1.0", id="a v before the digits"),
        pytest.param("cart:1.0", "cart", "1.0", id="text with a colon"),
        pytest.param("cart@latest", "cart", "latest", id="text with an at"),
        pytest.param("cart==1.0", "cart", "1.0", id="text with equals"),
        pytest.param("@shop/cart@1.0", "@shop/cart", "1.0", id="a scoped package"),
        pytest.param({"name": "cart", "version": "", "id": "pay-1"}, None, None, id="no version"),
        pytest.param({"id": "cart"}, None, None, id="an id without a version"),
    ],
)  # fmt: skip
def test_an_entry_of_a_list_has_a_name_and_a_version(entry, name, version):
    assert versions({"kind": "list"}, [entry]) == ({name: version} if name else {})


@pytest.mark.parametrize(
    ("given", "content"),
    [
        pytest.param({"field": "a.b"}, {"a": {"b": ["cart-1"]}}, id="below a field"),
        pytest.param({"field": "a.0"}, {"a": [["cart-1"]]}, id="in a list within a list"),
        pytest.param({"keys": ["image", "newTag"]}, [{"image": "cart", "newTag": "1"}], id="keys of other names"),
        pytest.param({"keys": ["module"]}, [{"module": "cart-1"}], id="one key of another name"),
    ],
)
def test_a_list_is_found_where_the_product_file_says(given, content):
    assert versions({"kind": "list"} | given, content) == {"cart": "1"}


@pytest.mark.parametrize(
    ("field", "content", "expected"),
    [
        ("{service}", {"cart": "1.10", "pay": "NO"}, {"cart": "1.10", "pay": "NO"}),
        ("{service}.image.tag", {"cart": {"image": {"tag": "1"}}, "global": {"x": "y"}}, {"cart": "1"}),
        ("a.{service}-app.v", {"a": {"cart-app": {"v": "1"}}}, {"cart-app": "1"}),
        ("appVersion", {"appVersion": "1"}, {"": "1"}),
        ("images.0.tag", {"images": [{"tag": "1"}]}, {"": "1"}),
    ],
    ids=["mapping", "Helm values", "within a name", "one for all", "in a list"],
)
def test_a_version_is_found_at_a_path_of_keys(field, content, expected):
    assert versions({"kind": "mapping", "field": field}, content) == expected


def test_what_a_mapping_merges_counts_but_its_own_comes_first():
    base = {"cart": "1", "pay": "1", "<<": {"web": "1", "pay": "0"}}

    assert versions({"kind": "mapping"}, {"<<": [base, {"cart": "0"}], "cart": "2"}) == {
        "cart": "2",
        "pay": "1",
        "web": "1",
    }


@pytest.mark.parametrize("empty", ["", None, "null", "~", "  "])
def test_an_empty_version_is_none(empty):
    assert problems({"kind": "mapping"}, {"cart": empty}) == {"cart": "there is no version"}


def test_keys_and_values_are_no_version():
    assert problems({"kind": "mapping"}, {"cart": {"tag": "1"}}) == {
        "cart": "is a list or keys and values, and no version"
    }


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("cart:1.2", "1.2"),
        ("registry.example:5000/shop/cart:1.2", "1.2"),
        ("cart:1.2@sha256:" + "a" * 64, "1.2"),
        ("${REGISTRY}/cart:${CART}", "1.1"),
        ("cart:$CART", "1.1"),
        ("cart:${PAY:-1.0}", "1.0"),
        ("cart:${EMPTY-1.0}.2", ".2"),
        ("${IMAGE:-cart:${PAY:-${CART}}}", "1.1"),
        ("cart:${CART:+9}", "9"),
        ("cart:1${PAY+9}", "1"),
        ("cart:${CART:?say it}", "1.1"),
        ("cart:${CART?${PAY}}", "1.1"),
    ],
)
def test_a_compose_service_has_its_images_tag(image, tag):
    content = {"services": {"cart": {"image": image}}}

    assert versions({"kind": "compose"}, content, CART="1.1", EMPTY="", REGISTRY="r:5/x") == {"cart": tag}


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({"build": "."}, "there is no image"),
        ({"image": ""}, "there is no image"),
        ({"image": "registry:5000/cart"}, "'registry:5000/cart' has no tag"),
        ({"image": "cart@sha256:aa"}, "'cart@sha256:aa' has no tag"),
        ({"image": "cart:${PAY}"}, "'cart:${PAY}' needs a variable that has no value there"),
        ({"image": "cart:${PAY:?say it}"}, "'cart:${PAY:?say it}' needs a variable that has no value there"),
        ({"image": "cart:${PAY"}, "'cart:${PAY' needs a variable that has no value there"),
        ({"image": "cart:${PAY/a/b}"}, "'cart:${PAY/a/b}' needs a variable that has no value there"),
        ("text", "there is no image"),
    ],
)
def test_a_compose_service_without_a_tag_has_no_version(service, said):
    assert problems({"kind": "compose"}, {"services": {"cart": service}}) == {"cart": said}


def test_a_compose_service_may_have_its_image_from_what_it_merges():
    common = {"image": "cart:1"}

    assert versions({"kind": "compose"}, {"services": {"cart": {"<<": common, "ports": []}}}) == {"cart": "1"}


@pytest.mark.parametrize(
    ("given", "content", "path", "said"),
    [
        ({"kind": "list"}, {"a": "b"}, (), "must be a list"),
        ({"kind": "list", "field": "a"}, {}, ("a",), "is not there"),
        ({"kind": "list"}, ["cart-1", ["cart-1"]], (1,), "must be a text such as"),
        ({"kind": "list"}, [""], (0,), "must be a text such as"),
        ({"kind": "list"}, [{"x": "cart"}], (0,), "has neither 'name' nor 'id'"),
        ({"kind": "list", "keys": ["image", "tag"]}, [{"x": "cart"}], (0,), "has no 'image'"),
        ({"kind": "mapping"}, ["cart"], (), "must be keys and values"),
        ({"kind": "mapping", "field": "a.{service}"}, {}, ("a",), "is not there"),
        ({"kind": "compose"}, {"cart": {"image": "cart:1"}}, ("services",), "must be the services by name"),
    ],
)
def test_content_of_another_shape_is_refused_with_its_place(given, content, path, said):
    with pytest.raises(MisreadError, match=said) as caught:
        told(given, content)

    assert caught.value.path == path


def test_merges_without_end_are_refused():
    endless: dict[str, Any] = {}
    endless["<<"] = [endless, endless]

    with pytest.raises(MisreadError, match="merges more than 100"):
        told({"kind": "mapping", "field": "cart"}, endless)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1.10", "1.10"),
        ("export A=1", "1"),
        ("  A = 1  ", "1"),
        ("A=1 # comment", "1"),
        ("A=1#2", "1#2"),
        ("A='1 # 2' # comment", "1 # 2"),
        ('A="1"', "1"),
        (r'A="a\"b"', 'a"b'),
        ("B=2\nA=${B}.0", "2.0"),
        ('B=2\nA="$B.1"', "2.1"),
        ("B=2\nA='$B'", "$B"),
        ("A=${B:-3}", "3"),
        ('KEY="-----BEGIN\nab/c==\n-----END"\nA=1', "1"),
        ("A=1\nA=1", "1"),
        ("A=1\r", "1"),
        ("SECRET=$ecret\nA=1", "1"),
    ],
)
def test_variables_are_read_as_compose_reads_them(line, value):
    found = {one.name: one.text for one in read_variables(f"# a comment\n\n{line}\n") if not one.problem}

    assert found["A"] == value


@pytest.mark.parametrize("line", ["A=", "A", "A= # later", "A=${B}", "A=''"])
def test_a_variable_without_a_value_has_no_version(line):
    assert [one.problem != "" for one in read_variables(line)] == [True]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("A=1\n<<<<<<< HEAD\n", 2, "is no NAME=value"),
        ("A=1\n\nnot a line\n", 3, "is no NAME=value"),
        ("A=1\n1A=2", 2, "is no NAME=value"),
        ('A="1', 1, "a quote that is not closed"),
        ("A='1' 2", 1, "or something after it"),
        ("A=1\nB=1\nA=2\n", 3, "stands twice, with two values"),
        ('K="a\nb"\n?\n', 3, "is no NAME=value"),
    ],
)
def test_a_line_that_is_no_variable_is_refused_with_its_number(text, line, said):
    with pytest.raises(MisreadError, match=said) as caught:
        read_variables(text)

    assert caught.value.line == line


def test_variables_that_multiply_end_somewhere():
    lines = "\n".join(["A0=xxxxxxxxxx", *(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 60))])

    assert max(len(one.text) for one in read_variables(lines)) <= 10_000


def test_defaults_within_defaults_end_somewhere():
    assert expand("${A:-" * 5_000, {}) is None
    assert expand("${A:-" * 50 + "1" + "}" * 50, {}) is None
    assert expand("${A:-" * 15 + "1" + "}" * 15, {}) == "1"
    assert expand("1" * 20_000, {}) is None
