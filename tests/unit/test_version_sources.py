"""The product file says where versions are kept in forms that can only mean one thing."""

import pytest
from pydantic import TypeAdapter, ValidationError

from reversion.version_sources import (
    KINDS,
    ComposeFile,
    VersionSource,
    for_environment,
    named,
    needs_environment,
    suggest,
)
from tests.builders import a_product

read = TypeAdapter(VersionSource).validate_python


@pytest.mark.parametrize(
    ("given", "name"),
    [
        pytest.param({"kind": "submodules"}, "mod-cart.v2", id="the key itself"),
        pytest.param({"kind": "submodules", "called": "services/{service}"}, "services/mod-cart.v2", id="a path"),
        pytest.param({"kind": "env"}, "MOD_CART_V2_VERSION", id="capitals"),
        pytest.param({"kind": "env", "called": "IMAGE_VERSION"}, "IMAGE_VERSION", id="one for all"),
        pytest.param({"kind": "mapping", "files": ["a"]}, "mod-cart.v2", id="the top level"),
        pytest.param(
            {"kind": "mapping", "files": ["a"], "field": "x.{service}-app.tag"}, "mod-cart.v2-app", id="inside"
        ),
        pytest.param({"kind": "mapping", "files": ["a"], "field": "appVersion"}, "", id="no service in the field"),
    ],
)
def test_a_source_says_how_a_service_is_called_there(given, name):
    assert read(given).name_of("mod-cart.v2") == name


def test_a_field_is_parted_at_the_service():
    assert read({"kind": "mapping", "files": ["a"], "field": "a.b.{service}.image.tag"}).parts() == (
        ("a", "b"),
        "{service}",
        ("image", "tag"),
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"kind": "svn"}, id="an unknown kind"),
        pytest.param({"kind": "list"}, id="no file"),
        pytest.param({"kind": "list", "files": []}, id="an empty list of files"),
        pytest.param({"kind": "list", "files": ["../x"]}, id="a path upwards"),
        pytest.param({"kind": "list", "files": ["/x"]}, id="a path from the root"),
        pytest.param({"kind": "list", "files": ["-x"]}, id="a path like an option"),
        pytest.param({"kind": "list", "files": ["{{ x }}"]}, id="a template in a path"),
        pytest.param({"kind": "list", "files": ["{env}/x"]}, id="an unknown placeholder"),
        pytest.param({"kind": "list", "files": ["x"], "field": "a..b"}, id="a field with an empty name"),
        pytest.param({"kind": "list", "files": ["x"], "field": "{service}"}, id="a service in a list's field"),
        pytest.param({"kind": "list", "files": ["x"], "keys": ["a", "b", "c"]}, id="three keys"),
        pytest.param({"kind": "mapping", "files": ["x"], "field": "{service}.{service}"}, id="the service twice"),
        pytest.param({"kind": "mapping", "files": ["x"], "called": "a"}, id="a name beside the field"),
        pytest.param({"kind": "env", "called": "{version}"}, id="a version as a name"),
        pytest.param({"kind": "env", "written": "v1"}, id="a form without the version"),
        pytest.param({"kind": "env", "written": "{version}{version}"}, id="a form with two versions"),
        pytest.param({"kind": "compose", "env_files": ["{service}/.env"]}, id="variables by service"),
        pytest.param({"kind": "submodules", "files": ["x"]}, id="files of submodules"),
    ],
)
def test_what_could_not_be_meant_is_refused(given):
    with pytest.raises(ValidationError):
        read(given)


def test_the_environment_stands_in_paths_and_fields():
    source = read({"kind": "mapping", "files": ["deploy/{environment}/v.yaml"], "field": "{environment}.{service}"})

    here = for_environment(source, "staging")

    assert needs_environment(source)
    assert not needs_environment(here)
    assert (here.files, here.field) == (("deploy/staging/v.yaml",), "staging.{service}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_survives_being_written_and_read(kind):
    source = read({"kind": kind} | ({"files": ["a"]} if kind in ("list", "mapping") else {}))

    assert read(source.model_dump(mode="json")) == source == for_environment(source, "staging")


def test_compose_files_are_looked_for_under_composes_own_names():
    assert read({"kind": "compose"}) == ComposeFile(kind="compose")
    assert "docker-compose.yml" in ComposeFile(kind="compose").files


@pytest.mark.parametrize(
    ("form", "name"), [("{service}", "a-b"), ("mod-{service}", "mod-a-b"), ("{SERVICE}_TAG", "A_B_TAG"), ("x", "x")]
)
def test_a_name_is_written_into_its_form(form, name):
    assert named(form, "a-b") == name


def test_a_service_has_another_key_where_it_is_told():
    product = a_product(cart={"version_name": "core/cart"}, web={})

    assert [service.key for service in product.services.values()] == ["core/cart", "web"]


@pytest.mark.parametrize("name", ["{service}", "a\nb", "", "}"])
def test_a_key_is_a_plain_name(name):
    with pytest.raises(ValidationError):
        a_product(cart={"version_name": name})


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        ((".gitmodules", "compose.yaml"), "{kind: submodules}"),
        (("README.md", "deploy/docker-compose.yml"), "{kind: compose, files: [deploy/docker-compose.yml]}"),
        (("platform/install.json",), "{kind: list, files: [platform/install.json]}"),
        (("a b/.env",), "{kind: mapping, files: [versions.yaml]}"),
        ((), "{kind: mapping, files: [versions.yaml]}"),
        (
            ("deploy/live/values.yaml", "deploy/staging/values.yaml"),
            """{kind: mapping, files: ["deploy/{environment}/values.yaml"], field: '{service}.image.tag'}""",
        ),
    ],
)
def test_what_to_write_is_guessed_from_well_known_names(files, entry):
    assert suggest(files, ("live", "staging")) == entry
