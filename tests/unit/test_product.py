"""A product is a value whose names are resolved, and that refuses what could not be meant."""

import pytest
from pydantic import ValidationError

from reversion.errors import UnknownName
from reversion.feature_settings import FeatureSettings
from reversion.product import Observe, Product, Schedule, Service
from tests.builders import a_product


def a_service(**given) -> Service:
    return Service(**{"name": "cart", "repository": "../cart.git", "hosts": "cart"} | given)


def test_a_service_runs_on_the_group_of_its_name_unless_told():
    product = a_product(cart={}, web={"hosts": "front"})

    assert (product.services["cart"].hosts, product.services["web"].hosts) == ("cart", "front")


def test_a_product_survives_being_written_and_read():
    product = a_product(cart={}, web={"depends_on": ["cart"]})

    assert Product.model_validate_json(product.model_dump_json()) == product


@pytest.mark.parametrize("method", ["service", "environment"])
def test_an_unknown_name_tells_the_known_ones(method):
    with pytest.raises(UnknownName, match=f"No {method} named 'x'. Known: "):
        getattr(a_product(), method)("x")


def test_the_other_environments_are_all_but_this_one():
    product = a_product()

    assert [other.name for other in product.others(product.environment("staging"))] == ["live"]


def test_an_environments_tests_come_in_its_order():
    product = a_product()

    assert [test.name for test in product.tests_of(product.environment("staging"))] == ["smoke"]


@pytest.mark.parametrize(
    ("ref", "names"),
    [(None, ("1.2", "v1.2")), ("v{version}", ("v1.2",)), ("cart/{version}-final", ("cart/1.2-final",))],
)
def test_a_version_names_a_commit_in_the_services_own_form(ref, names):
    assert a_service(ref=ref).references("1.2") == names


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"repository": "--upload-pack=x"}, id="repository like an option"),
        pytest.param({"repository": "ext::sh -c x"}, id="transport helper"),
        pytest.param({"repository": "https://a:b@host/x"}, id="password in a URL"),
        pytest.param({"repository": "a\nb"}, id="two lines"),
        pytest.param({"hosts": "{{ all }}"}, id="template for hosts"),
        pytest.param({"hosts": "@file"}, id="hosts from a file"),
        pytest.param({"ref": "{version}{version}"}, id="version twice"),
        pytest.param({"tracked": []}, id="no branch"),
        pytest.param({"tracked": ["-x"]}, id="branch like an option"),
        pytest.param({"tracked": ["a..b"]}, id="branch with two dots"),
        pytest.param({"variables": {"ansible_host": "x"}}, id="a variable of Ansible's"),
        pytest.param({"variables": {"reversion_version": "x"}}, id="a variable of Reversion's"),
        pytest.param({"name": "-x"}, id="name like an option"),
        pytest.param({"name": "a/b"}, id="name with a slash"),
        pytest.param({"name": "cart\n"}, id="name with a newline"),
        pytest.param({"paths": ["../x"]}, id="path upwards"),
        pytest.param({"paths": ["/x"]}, id="path from the root"),
        pytest.param({"paths": [":(top)x"]}, id="path with Git's magic"),
    ],
)
def test_what_could_do_harm_is_refused(given):
    with pytest.raises(ValidationError):
        a_service(**given)


@pytest.mark.parametrize(
    "repository", ["ssh://git@host:22/x.git", "git@host:shop/x.git", "file:///srv/x.git", "../x", "C/x y"]
)
def test_ordinary_addresses_are_taken(repository):
    assert a_service(repository=repository).repository == repository


@pytest.mark.parametrize(
    "given",
    [{}, {"url": "x", "file": "y"}, {"url": "{{ x }}"}, {"file": "{% x %}"}, {"command": ["a", "{# x"]}],
)
def test_there_is_one_way_to_observe_and_no_template_in_it(given):
    with pytest.raises(ValidationError):
        Observe(**given)


@pytest.mark.parametrize("cron", ["0 2 * *", "0 2 * * * *", "@daily", "0 2 * * ;", ""])
def test_a_schedule_has_five_fields(cron):
    with pytest.raises(ValidationError):
        Schedule(cron=cron)


def test_a_schedule_has_a_real_time_zone():
    with pytest.raises(ValidationError, match="is no time zone"):
        Schedule(cron="0 2 * * *", timezone="Europe/Atlantis")


def test_conventions_have_a_digest_of_their_own():
    one = FeatureSettings(conventions=({"kind": "line", "names": ["Feature"]},))
    other = FeatureSettings(conventions=({"kind": "line", "names": ["Issue"]},))

    assert one.conventions_digest() != other.conventions_digest()
    assert one.conventions_digest() == one.model_copy(update={"url": "https://x/{id}"}).conventions_digest()
