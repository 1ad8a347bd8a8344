"""The index of histories: read once, then only what is new, and always what a fresh one would tell."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters import index_reading
from reversion.adapters.catalogue_store import Catalogue
from reversion.adapters.index import Index
from reversion.feature_settings import CatalogueEntry, FeatureSettings, Key
from reversion.features.records import Commits
from reversion.features.resolver import Resolver
from reversion.features.values import State
from reversion.product import Service
from tests.gitbuilder import GitBuilder
from tests.integration.test_generated_histories import Play

SETTINGS = FeatureSettings(conventions=(Key(kind="key", projects=("SHOP",)),))
CART = Service(name="cart", repository="cart", hosts="cart")


def an_index(root: Path, url: str = "", settings: FeatureSettings = SETTINGS, *entries: CatalogueEntry) -> Index:
    store = Catalogue(url, "shop").index() if url else None
    return Index(root, root / "home", settings, entries, store)


def told(index: Index, heads: tuple[str, ...]) -> tuple[object, ...]:
    """Return all that is said of these versions, and of going from each to the next."""
    studied = index.study((CART,), {"cart": frozenset(heads)})
    assert not studied.problems
    resolver = Resolver(studied.books, index.settings, index.entries)
    return (
        [resolver.features({"cart": head}) for head in heads],
        [resolver.compare({"cart": old}, {"cart": new}) for old, new in pairwise(heads)],
        [resolver.relation("cart", old, new) for old, new in pairwise(heads)],
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of commits of each reading of a history."""
    counts: list[int] = []
    original = index_reading.read_commits

    def counting(*arguments: Any, **options: Any) -> Iterator[Commits]:
        counts.append(0)
        for batch in original(*arguments, **options):
            counts[-1] += len(batch.ids)
            yield batch

    monkeypatch.setattr(index_reading, "read_commits", counting)
    return counts


@pytest.mark.parametrize("seed", range(6))
def test_an_index_that_grows_tells_what_a_fresh_one_tells(seed: int, tmp_path: Path) -> None:
    played = Play(tmp_path / "cart", seed)
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    for _ in range(5):
        for _ in range(8):
            played.step()
        heads = tuple(dict.fromkeys(played.git.head(branch) for branch in played.branches))

        assert told(an_index(tmp_path, url), heads) == told(an_index(tmp_path), heads)


def test_only_what_is_new_is_read_and_nothing_where_nothing_is(url: str, read: list[int], tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "cart")
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    first = git.commit("feat: codes SHOP-1", {"codes": "1"})
    told(an_index(tmp_path, url), (first,))
    told(an_index(tmp_path, url), (first,))
    second = git.commit("feat: stamps SHOP-2", {"stamps": "1"})

    grown = told(an_index(tmp_path, url), (first, second))

    assert read == [2, 1]
    assert grown == told(an_index(tmp_path), (first, second))


def test_a_branch_that_was_rewritten_is_read_anew(url: str, tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "cart")
    begin = git.commit("chore: begin", {"README": "1"})
    gone = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    told(an_index(tmp_path, url), (gone,))
    git.git("reset", "-q", "--hard", begin)
    new = git.commit("feat: stamps SHOP-2", {"stamps": "1"})

    assert told(an_index(tmp_path, url), (new,)) == told(an_index(tmp_path), (new,))


def test_other_conventions_or_entries_are_judged_anew(url: str, tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "cart")
    head = git.commit("feat: gift cards SHOP-1 PAY-7", {"gift": "1"})
    told(an_index(tmp_path, url), (head,))
    pay = FeatureSettings(conventions=(Key(kind="key", projects=("PAY",)),))
    entry = CatalogueEntry(id="GIFTS", title="Gifts", keys=("SHOP-1",))

    assert told(an_index(tmp_path, url, pay), (head,)) == told(an_index(tmp_path, "", pay), (head,))
    assert told(an_index(tmp_path, url, SETTINGS, entry), (head,)) == told(
        an_index(tmp_path, "", SETTINGS, entry), (head,)
    )


def test_features_of_a_repository_that_is_gone_are_unknown(url: str, tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "cart")
    head = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    told(an_index(tmp_path, url), (head,))
    git.path.rename(tmp_path / "elsewhere")

    studied = an_index(tmp_path, url).study((CART,), {"cart": frozenset({head})})
    (feature,) = Resolver(studied.books, SETTINGS).features({"cart": None})

    assert feature.state is State.UNKNOWN
    assert "There is no Git repository" in studied.problems["cart"]
