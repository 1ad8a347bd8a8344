"""What the product file and the feature entries say of features, and how their mistakes are told."""

import pytest

from reversion.adapters.documents import _read_entry_file, read_product
from reversion.errors import ProductInvalid
from reversion.feature_settings import CatalogueEntry, Conventional, FeatureSettings, Fragments, Key, Pattern

PRODUCT = """\
schema: reversion.product/1
product: shop
services:
  cart: {repository: ../cart.git}
  web: {repository: ../web.git}
environments:
  live: {inventory: hosts, observe: {file: /srv/VERSION}}
features:
"""


def read(features: str) -> FeatureSettings:
    return read_product(f"{PRODUCT}{features}".encode(), "reversion.yaml at 1a2b3c", ("hosts",)).features


def refusal(features: str) -> str:
    with pytest.raises(ProductInvalid) as caught:
        read(features)
    return str(caught.value)


def test_conventions_have_defaults_that_need_not_be_written() -> None:
    settings = read(
        "  conventions: [{kind: key, projects: [SHOP]}, {kind: pattern, regex: '#(?P<id>\\d+)'}, "
        "{kind: conventional}, {kind: fragments, folder: changes}]\n"
    )

    key, pattern, conventional, fragments = settings.conventions
    assert isinstance(key, Key)
    assert key.where == ("subject", "body")
    assert isinstance(pattern, Pattern)
    assert pattern.form == "{id}"
    assert isinstance(conventional, Conventional)
    assert (conventional.scope_is, conventional.counts) == ("ignore", None)
    assert isinstance(fragments, Fragments)
    assert (fragments.style, fragments.types["bugfix"]) == ("towncrier", "fix")


def test_a_services_own_conventions_change_what_it_is_judged_by() -> None:
    shared = "  conventions: [{kind: key, projects: [SHOP]}]\n"
    own = read(shared + "  services: {cart: {replace: [{kind: line, names: [Feature]}]}}\n")

    assert [convention.kind for convention in own.conventions_of("cart")] == ["line"]
    assert [convention.kind for convention in own.conventions_of("web")] == ["key"]
    assert own.conventions_digest() != read(shared).conventions_digest()


def test_a_default_that_is_written_out_changes_no_digest() -> None:
    short = read("  conventions: [{kind: key, projects: [SHOP]}]\n")
    long = read("  conventions: [{kind: key, projects: [SHOP], where: [subject, body]}]\n")

    assert short.conventions_digest() == long.conventions_digest()


@pytest.mark.parametrize(
    ("convention", "told"),
    [
        (
            "{kind: keys}",
            "line 9, features.conventions.0: 'kind' must be one of line, trailer, key, pattern, pull_req",
        ),
        ("{projects: [SHOP]}", "features.conventions.0: 'kind' must be one of line"),
        ("{kind: key}", "features.conventions.0.projects: is missing"),
        ("{kind: key, projects: []}", "features.conventions.0.projects: must not be empty"),
        ("{kind: key, projects: [SHOP-1]}", "projects.0: 'SHOP-1' is not allowed: write letters, digits and '_'"),
        ("{kind: key, projects: [SHOP], where: [title]}", "where.0: input should be 'subject' or 'body'"),
        ("{kind: merge_branch, project: [SHOP]}", "project: is no key that Reversion knows; did you mean 'projects'"),
        ("{kind: pattern, regex: x}", "features.conventions.0.regex: 'x' needs a group named id, e.g. (?P<id>"),
        ("{kind: pattern, regex: '('}", "regex: '(' is no regular expression that can be used: missing )"),
        ("{kind: pattern, regex: '(?P<id>a)\\1'}", "there is no look-around and no back-reference"),
        ("{kind: pattern, regex: '(?P<id>a)', form: SHOP}", "form: 'SHOP' must hold {id} once"),
        ("{kind: pattern, regex: '(?P<id>a)', form: '{id} {id}'}", "must hold {id} once"),
        ("{kind: pattern, regex: '(?P<id>a)', form: '<{id}>'}", "and make an id of letters, digits"),
        ("{kind: pattern, regex: '(?P<id>a)', form: '{key}-{id}'}", "and make an id of letters, digits"),
        ("{kind: conventional, scope_is: id}", "scope_is: input should be 'ignore' or 'key'"),
        ("{kind: conventional, form: '{id}'}", "line 9, features.conventions.0: has 'pattern' or 'form', which need"),
        ("{kind: conventional, counts: []}", "counts: must not be empty"),
        ("{kind: conventional, counts: [a b]}", "counts.0: 'a b' is not allowed: write letters, digits"),
        ("{kind: fragments}", "folder: is missing"),
        ("{kind: fragments, folder: /notes}", "folder: '/notes' must be a path inside"),
        ("{kind: fragments, folder: a, style: changie}", "style: input should be 'towncrier' or 'reno'"),
        (
            "{kind: fragments, folder: a, types: {api: new}}",
            "types.api: input should be 'feature', 'fix' or 'security'",
        ),
    ],
)
def test_a_wrong_convention_is_told_with_its_field_and_mend(convention: str, told: str) -> None:
    assert told in refusal(f"  conventions: [{convention}]\n")


def test_one_mistake_in_a_list_is_told_once() -> None:
    assert " problems:" not in refusal("  conventions: [{kind: key, projects: [SHOP-1]}]\n")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("cat: {add: []}", "line 9, features.services.cat: no service named 'cat'; did you mean 'cart'"),
        ("cart: {adds: []}", "features.services.cart.adds: is no key that Reversion knows; did you mean 'add'"),
        ("cart: {add: [], replace: []}", "features.services.cart: needs exactly one of add or replace"),
        ("cart: {}", "features.services.cart: needs exactly one of add or replace"),
        ("cart: [x]", "features.services.cart: must be keys and values"),
        ("cart: {add: [{kind: lin}]}", "features.services.cart.add.0: 'kind' must be one of line, trailer"),
        ("cart: {add: [{kind: line, name: [x]}]}", "cart.add.0.name: is no key that Reversion knows; did you mean"),
    ],
)
def test_a_wrong_convention_of_a_service_is_told_with_its_field_and_mend(own: str, told: str) -> None:
    assert told in refusal(f"  services: {{{own}}}\n")


def test_an_entry_may_overrule_everything() -> None:
    (entry,) = _read_entry_file(
        b"id: SHOP-42\nstatus: in-progress\nkeys: [SHOP-42, PAY-7]\npull_requests: [cart#12]\n"
        b"exclude: [cart@9f3c2ab]\nrequires: [cart]\nneeds: [SHOP-9]\n",
        "features/a.yaml",
    )

    assert entry == CatalogueEntry(
        id="SHOP-42",
        status="in-progress",
        keys=("SHOP-42", "PAY-7"),
        pull_requests=("cart#12",),
        exclude=("cart@9f3c2ab",),
        requires=("cart",),
        needs=("SHOP-9",),
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("status: ready", "line 2, status: input should be 'planned', 'in-progress', 'done' or 'retired'"),
        ("exclude: [cart]", "line 2, exclude.0: 'cart' is not allowed: write a service, '@' and 7 to 40 digits"),
        ("exclude: [cart@12]", "as in cart@9f3c2ab"),
        ("exclude: [cart@main]", "as in cart@9f3c2ab"),
        ("pull_requests: [12]", "line 2, pull_requests.0: '12' is not allowed: write a service, '#' and a number"),
        ("pull_requests: ['cart!12']", "as in cart#12"),
        ("needs: [a b]", "line 2, needs.0: 'a b' is not allowed: write letters, digits"),
    ],
)
def test_a_wrong_entry_is_told_with_its_field_and_mend(line: str, told: str) -> None:
    with pytest.raises(ProductInvalid) as caught:
        list(_read_entry_file(f"id: SHOP-1\n{line}\n".encode(), "features/a.yaml"))

    assert told in str(caught.value)
