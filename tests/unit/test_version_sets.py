"""A version set says of every service what is known of it, and what was left out."""

import pytest
from pydantic import TypeAdapter

from reversion.product import Service
from reversion.version_files import Told
from reversion.version_sets import Named, Reading, fits, merge, of_snapshot, version_of
from reversion.version_sources import VersionSource
from tests.builders import a_product, a_snapshot

COMMIT = "a" * 40
ONE, TWO = Named(version="1"), Named(version="2")


def a_source(**given) -> VersionSource:
    return TypeAdapter(VersionSource).validate_python({"kind": "list", "files": ["x"]} | given)


def read(text: str, **given) -> Named:
    service = Service(name="cart", repository="../cart", hosts="cart", version_name="my-cart")
    return version_of(Told("cart", text=text), service, a_source(**given))


@pytest.mark.parametrize(
    ("text", "written", "version"),
    [
        ("1.10", "{version}", "1.10"),
        ("v1.10", "{version}", "v1.10"),
        ("v1.10", "v{version}", "1.10"),
        ("1.10", "v{version}", "1.10"),
        ("1.10-my-cart", "{version}-{service}", "1.10"),
        ("MY_CART_1.10", "{SERVICE}_{version}", "1.10"),
        ("1.10.x", "{version}.x", "1.10"),
        ("1.10-x", "{version}.x", "1.10-x"),
        ("9" * 128, "{version}", "9" * 128),
    ],
)
def test_a_version_is_taken_out_of_how_it_is_written(text, written, version):
    assert read(text, written=written) == Named(version=version)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 1000,
        "--upload-pack=x",
        "{{ .Values.tag }}",
        "${TAG}",
        "1.0; id",
        "1\n2",
        "^1.2",
        ">=1",
        "a/b",
        "\x1b[31m1",
    ],
)
def test_a_text_that_is_no_version_makes_the_service_unknown(text):
    found = read(text)

    assert found.version is None
    assert "is no version: a version has letters, digits" in found.problem
    assert len(found.problem) < 200
    assert "\x1b" not in found.problem


def test_what_is_told_as_a_problem_stays_one():
    service = a_product().services["cart"]

    assert version_of(Told("cart", problem="has no tag"), service, a_source()) == Named(problem="has no tag")


def test_the_first_source_with_a_version_counts():
    broken = Reading(services={"cart": Named(problem="has no tag"), "web": Named(problem="has no image")})
    first, second = Reading(services={"cart": ONE}), Reading(services={"cart": TWO, "pay": TWO})

    found = merge("v1", COMMIT, ("cart", "pay", "web"), (broken, first, second))

    assert found.services == {"cart": ONE, "pay": TWO, "web": Named(problem="has no image")}
    assert found.versions() == {"cart": "1", "pay": "2", "web": None}


def test_a_service_that_nothing_names_does_not_run():
    found = merge("v1", COMMIT, ("cart", "pay"), (Reading(services={"cart": ONE}),))

    assert (found.unnamed, "pay" in found.versions()) == (("pay",), False)
    assert found.notes() == ("v1: not named there, so taken as not running: pay.",)


def test_a_service_that_a_missing_file_might_have_named_is_unknown():
    found = merge("v1", COMMIT, ("cart", "pay"), (Reading(services={"cart": ONE}), Reading(absent=("b.json",))))

    assert found.versions() == {"cart": "1", "pay": None}
    assert found.notes() == (
        "v1 has no b.json, which is left out.",
        "v1: pay is unknown: nothing names it, and there is no b.json.",
    )


def test_names_that_are_no_services_are_told_in_one_line():
    many = tuple(f"mod-{number:02}" for number in range(30))

    (line,) = merge("v1", COMMIT, (), (Reading(foreign=many), Reading(foreign=("mod-\x1b[2J00",)))).notes()

    assert line.startswith("v1: no services of the product, so left out: mod-00, mod-00, mod-01")
    assert line.endswith(" and 21 more.")


def test_the_commit_that_a_set_names_counts_more_than_the_version():
    found = merge("v1", COMMIT, ("cart",), (Reading(services={"cart": Named(version="1", commit=COMMIT)}),))

    assert found.versions() == {"cart": COMMIT}


def test_a_snapshot_has_its_own_versions():
    recorded = a_snapshot({"cart": "1", "gone": "2", "web": None})

    found = of_snapshot(recorded, a_product(cart={}, pay={}, web={}).services)

    assert found.versions() == {"cart": "b" * 40, "web": None}
    assert (found.environment, found.foreign, found.unnamed) == ("staging", ("gone",), ("pay",))


@pytest.mark.parametrize(
    ("given", "name", "may_be"),
    [
        ({"kind": "env"}, "CART_VERSION", True),
        ({"kind": "env"}, "CART_PASSWORD", False),
        ({"kind": "env", "called": "V.{service}"}, "Vxcart", False),
        ({"kind": "env", "called": "IMAGE_VERSION"}, "CART_VERSION", False),
        ({"kind": "compose"}, "redis", True),
    ],
)
def test_only_variables_that_look_like_a_services_version_are_told_of(given, name, may_be):
    source = TypeAdapter(VersionSource).validate_python(given)

    assert fits(source, name) is may_be
