"""The reference of the product file says what is true: its example loads, and no key is left out."""

import re
from pathlib import Path

import pytest

from reversion.adapters.documents import _read_entry_file, read_product
from reversion.feature_settings import (
    COUNTED,
    CatalogueEntry,
    Conventional,
    FeatureSettings,
    Fragments,
    Key,
    Line,
    MergeBranch,
    OwnConventions,
    Pattern,
    PullRequest,
    Trailer,
)
from reversion.product import Environment, Observe, Product, ProductionTest, Schedule, Service
from reversion.tracker_settings import GitHub, GitLab, Jira, Trello
from reversion.version_sources import KINDS

TEXT = (Path(__file__).parents[2] / "docs/product-file.md").read_text()
EXAMPLE, ENTRY = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
FILES = (
    *("ansible/inventories/staging/group_vars/all/vault.yml", "ansible/inventories/live/hosts", "ansible/roles/x"),
    *("ansible/restore.yml", "ansible/configure.yml"),
)


def test_the_example_loads():
    product = read_product(EXAMPLE.encode(), "docs/product-file.md", FILES)

    assert product.services["catalog"].variables == {"catalog_port": "8081"}
    assert product.environments["staging"].nightly == Schedule(cron="0 2 * * *", timezone="Europe/Berlin")


def test_the_feature_entry_loads():
    (entry,) = _read_entry_file(ENTRY.encode(), "docs/product-file.md")

    assert set(entry.model_fields_set) == set(CatalogueEntry.model_fields)


@pytest.mark.parametrize(
    "model",
    [
        *(Product, Service, Environment, Observe, Schedule, FeatureSettings, ProductionTest, CatalogueEntry),
        *(Jira, GitHub, GitLab, Trello),
        *(Line, Trailer, Key, Pattern, PullRequest, MergeBranch, Conventional, Fragments, OwnConventions),
        *KINDS.values(),
    ],
    ids=lambda model: model.__name__,
)
def test_every_key_is_in_the_reference_and_in_the_example(model):
    keys = set(model.model_fields) - {"name"}

    assert [key for key in keys if f"`{key}`" not in TEXT] == []
    assert [key for key in keys if f"{key}:" not in EXAMPLE + ENTRY] == []


def test_the_defaults_are_those_of_the_program():
    defaults = {
        key: field.default
        for model in (Environment, ProductionTest)
        for key, field in model.model_fields.items()
        if isinstance(field.default, int) and not isinstance(field.default, bool)
    }

    assert len(defaults) == 7
    assert {key for key, value in defaults.items() if f"| `{key}` | {value} |" not in TEXT} == set()


def test_the_conventions_defaults_are_those_of_the_program():
    types = ", ".join(f"{word}: {kind}" for word, kind in Fragments.model_fields["types"].default.items())

    assert f"| `counts` | `[{', '.join(COUNTED)}]` |" in TEXT
    assert f"| `types` | `{{{types}}}` |" in TEXT
