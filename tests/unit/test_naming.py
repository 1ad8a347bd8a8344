"""Which commits are evidence of which feature, where merges, types and the catalogue have a say."""

import pytest

from reversion.feature_settings import (
    CatalogueEntry,
    Convention,
    Conventional,
    FeatureSettings,
    Key,
    MergeBranch,
    OwnConventions,
)
from reversion.features.records import Commit
from reversion.features.values import Feature, State
from tests.ledgers import History, resolver_of
from tests.unit.test_features import a_line, at, id_of, only

KEY = Key(kind="key", projects=("SHOP", "PAY"))
BRANCH = MergeBranch(kind="merge_branch", projects=("SHOP",))
TYPES = Conventional(kind="conventional")


def features(
    histories: tuple[History, ...], vector: dict[str, str | None], *conventions: Convention, **entry: object
) -> tuple[Feature, ...]:
    """Judge with the key convention unless told, and with one entry where `id` and more of it are given."""
    entries = (CatalogueEntry.model_validate(entry),) if entry else ()
    settings = FeatureSettings(conventions=conventions or (KEY,))
    return resolver_of(histories, settings, entries).features(vector)


def a_merge(message: str, *side: str) -> History:
    """Build a main line of two commits into which a branch of these commits, `side0` and so on, is merged."""
    begin, main = Commit(id_of("begin"), "", "begin"), Commit(id_of("main"), id_of("begin"), "tidy")
    names = ["begin", *(f"side{number}" for number in range(len(side)))]
    branch = tuple(
        Commit(id_of(name), id_of(before), text) for before, name, text in zip(names, names[1:], side, strict=False)
    )
    merge = Commit(id_of("merge"), f"{main.id} {branch[-1].id}", message)
    return History("cart", (begin, main, *branch, merge), (merge.id,))


def merged(message: str, *conventions: Convention, **entry: object) -> tuple[Feature, ...]:
    return features((a_merge(message, "add form", "tidy form"),), {"cart": id_of("merge")}, *conventions, **entry)


def test_a_merged_branch_names_the_commits_that_it_brought_in() -> None:
    feature = only(merged("Merge branch 'feature/shop-42-gift-cards' into main", BRANCH))

    assert (feature.id, feature.parts[0].need, feature.title) == ("SHOP-42", 2, "add form")


@pytest.mark.parametrize(
    "message", ["Merge branch 'main' into SHOP-42", "Merge branch 'x'\n\nafter SHOP-42", "Release SHOP-42"]
)
def test_what_a_merge_says_besides_its_branch_names_nothing(message: str) -> None:
    assert merged(message, KEY, BRANCH) == ()


def test_a_branch_is_no_name_where_it_is_no_convention() -> None:
    assert merged("Merge branch 'SHOP-42'", KEY) == ()


def test_a_feature_is_titled_as_its_pull_request_or_as_its_commits() -> None:
    titled = only(merged("Merge pull request #1 from shop/SHOP-42\n\nGift cards", KEY))
    bare = only(merged("Merge pull request #1 from shop/SHOP-42", KEY))

    assert (titled.title, bare.title) == ("Gift cards", "add form")


def test_commits_of_types_that_do_not_count_are_no_items() -> None:
    line = a_line("begin", "feat: gift cards SHOP-1", "chore: tidy gift cards SHOP-1", "docs: codes SHOP-2")

    kept = features((line,), at("cart", 1), KEY, TYPES)
    ignored = features((line,), at("cart", 1), KEY)

    assert [(one.id, one.state, one.parts[0].need) for one in kept] == [("SHOP-1", State.COMPLETE, 1)]
    assert [(one.id, one.state) for one in ignored] == [("SHOP-1", State.PARTIAL), ("SHOP-2", State.ABSENT)]


def test_types_count_in_merged_branches_too() -> None:
    history = a_merge("Merge pull request #1 from shop/SHOP-42", "feat: form", "chore: tidy form")

    assert only(features((history,), {"cart": id_of("merge")}, KEY, TYPES)).parts[0].need == 1


def test_each_service_has_its_own_conventions() -> None:
    settings = FeatureSettings(
        conventions=(KEY,),
        services={"web": OwnConventions(replace=(Conventional(kind="conventional", scope_is="key"),))},
    )
    histories = (a_line("add SHOP-1"), a_line("feat(SHOP-2): add, after SHOP-1", service="web"))

    found = resolver_of(histories, settings).features(at("cart", 0) | at("web", 0))

    assert [(one.id, one.parts[0].service) for one in found] == [("SHOP-1", "cart"), ("SHOP-2", "web")]


def test_several_keys_mean_one_feature_and_leave_its_title() -> None:
    line = a_line("begin", "SHOP-1: gift cards", "PAY-7: charge them")

    feature = only(features((line,), at("cart", 2), id="gift-cards", keys=["SHOP-1", "PAY-7"]))

    assert (feature.id, feature.parts[0].need, feature.title) == ("gift-cards", 2, "gift cards")


def test_a_pull_request_without_a_key_is_evidence_where_the_catalogue_says() -> None:
    line = a_line("begin", "Gift cards (#12)", "Stamps (#13)")

    feature = only(features((line,), at("cart", 2), id="SHOP-1", pull_requests=["cart#12", "web#13"]))

    assert (feature.state, feature.parts[0].need, feature.title) == (State.COMPLETE, 1, "Gift cards")


def test_a_merged_pull_request_without_a_key_is_evidence_too() -> None:
    feature = only(
        merged("Merge pull request #12 from shop/x\n\nGift cards", KEY, id="SHOP-1", pull_requests=["cart#12"])
    )

    assert (feature.title, feature.parts[0].need) == ("Gift cards", 2)


def test_an_excluded_commit_is_no_evidence_and_neither_is_what_was_picked_from_it() -> None:
    wrong = id_of("cart1")
    line = a_line(
        "begin", "tidy, unlike SHOP-1", f"tidy, unlike SHOP-1\n\n(cherry picked from commit {wrong})", "add SHOP-1"
    )

    feature = only(features((line,), at("cart", 3), id="SHOP-1", exclude=[f"cart@{wrong[:8]}"]))
    elsewhere = only(features((line,), at("cart", 3), id="SHOP-1", exclude=[f"web@{wrong[:8]}"]))

    assert (feature.parts[0].need, elsewhere.parts[0].need) == (1, 2)


def test_an_excluded_merge_names_nothing_that_it_brought_in() -> None:
    message = "Merge pull request #12 from shop/SHOP-42"

    assert only(merged(message, KEY, id="SHOP-42", exclude=[f"cart@{id_of('merge')}"])).state == State.ABSENT


def test_a_commit_excluded_from_one_feature_is_evidence_of_its_others() -> None:
    line = a_line("begin", "add SHOP-1 SHOP-2")

    found = features((line,), at("cart", 1), id="SHOP-1", exclude=[f"cart@{id_of('cart1')}"])

    assert [(one.id, one.state) for one in found] == [("SHOP-1", State.ABSENT), ("SHOP-2", State.COMPLETE)]


@pytest.mark.parametrize(
    ("status", "remarks"),
    [
        (None, ()),
        ("done", ()),
        ("in-progress", ("unfinished",)),
        ("planned", ("planned",)),
        ("retired", ("retired",)),
    ],
)
def test_how_far_a_feature_has_come_is_told_beside_its_state(status: str | None, remarks: tuple[str, ...]) -> None:
    feature = only(features((a_line("add SHOP-1"),), at("cart", 0), id="SHOP-1", status=status))

    assert (feature.state, feature.remarks) == (State.COMPLETE, remarks)


@pytest.mark.parametrize(
    ("subjects", "kind", "title"),
    [
        (("fix: totals SHOP-1",), "fix", "totals"),
        (("SHOP-1: Fix totals",), "fix", "Fix totals"),
        (("[SHOP-1] fix(cart): totals",), "fix", "totals"),
        (("feat: gift cards SHOP-1", "fix: gift cards' totals SHOP-1"), "feature", "gift cards"),
        (("tidy SHOP-1", "feat(SHOP-1): gift cards (#12)"), "feature", "gift cards"),
        (("add SHOP-1", "security: escape SHOP-1"), "security", "add"),
        (("fix(security): escape SHOP-1",), "security", "escape"),
        (("perf: faster SHOP-1",), "feature", "faster"),
        (("fixture for SHOP-1",), "feature", "fixture for"),
        (("SHOP-1",), "feature", "SHOP-1"),
    ],
)
def test_subjects_tell_kind_and_title(subjects: tuple[str, ...], kind: str, title: str) -> None:
    feature = only(features((a_line(*subjects),), at("cart", len(subjects) - 1)))

    assert (feature.kind, feature.title) == (kind, title)
