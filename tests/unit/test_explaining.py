"""A feature's state is explained by the commits that decide it, and by the version in which each came first."""

import pytest

from reversion.feature_settings import CatalogueEntry
from reversion.features.explaining import Explanation, Item, Lore, evidence, explain
from reversion.features.releases import Release, first_releases, tips
from reversion.features.resolver import Vector
from tests.ledgers import History, ledger_of
from tests.unit.test_features import CODES, GIFT, SETTINGS, a_line, a_resolver, at, id_of


def told(
    histories: tuple[History, ...],
    vector: Vector,
    lore: Lore | None = None,
    entries: tuple[CatalogueEntry, ...] = (),
) -> Explanation:
    """Judge SHOP-1 at the vector, and explain it."""
    ledgers = {one.service: ledger_of(one, SETTINGS, entries) for one in histories}
    judged = a_resolver(*histories, entries=entries).features(vector)
    return explain(ledgers, next(one for one in judged if one.id == "SHOP-1"), vector, lore or Lore(), "here")


def items(history: History, vector: Vector) -> tuple[Item, ...]:
    return told((history,), vector).shares[0].items


def reverting(position: int) -> str:
    return f"Revert it\n\nThis reverts commit {id_of(f'cart{position}')}."


def short(position: int) -> str:
    return id_of(f"cart{position}")[:10]


@pytest.mark.parametrize(
    ("messages", "position", "why"),
    [
        (("begin", GIFT), 1, "in effect"),
        (("begin", GIFT), 0, "not in this version"),
        (("begin", GIFT, reverting(1), CODES), 2, f"reverted by {short(2)}; not needed"),
        (("begin", GIFT, reverting(1), reverting(2)), 3, f"in effect: brought back by {short(3)}"),
        (("begin", GIFT, reverting(1), GIFT), 3, f"in effect: came again, or on another line, after {short(2)}"),
    ],
    ids=["in effect", "not yet there", "reverted", "brought back", "came again"],
)
def test_each_change_says_why_it_is_in_effect_or_not(messages: tuple[str, ...], position: int, why: str) -> None:
    first = items(a_line(*messages), at("cart", position))[0]

    assert first.why.startswith(why)
    assert first.in_effect == why.startswith("in effect")


def test_what_the_version_does_not_hold_is_told_all_the_same() -> None:
    (item,) = items(a_line("begin", GIFT, reverting(1), reverting(2)), at("cart", 1))

    assert [(one.role, one.is_there, one.counts) for one in item.witnesses] == [
        ("change", True, True),
        ("revert", False, False),
        ("restore", False, False),
    ]


def test_a_revert_that_a_later_one_undoes_is_there_and_does_not_count() -> None:
    (item,) = items(a_line("begin", GIFT, reverting(1), reverting(2)), at("cart", 3))

    assert [(one.role, one.is_there, one.counts) for one in item.witnesses[1:]] == [
        ("revert", True, False),
        ("restore", True, True),
    ]


def test_a_version_that_is_not_known_explains_nothing_and_says_why() -> None:
    (share,) = told((a_line("begin", GIFT),), {"cart": None}, Lore(problems={"cart": "connection refused"})).shares

    assert (share.unknown, share.problem) == (True, "connection refused")
    assert [(item.in_effect, item.why) for item in share.items] == [(None, "unknown")]


def test_a_service_that_does_not_run_and_one_that_nobody_has_begun_say_so() -> None:
    entry = CatalogueEntry(id="SHOP-1", requires=("cart", "web"))
    histories = (a_line("begin", GIFT), a_line("begin", service="web"))

    cart, web = told(histories, at("web", 0), entries=(entry,)).shares

    assert cart.problem == "it does not run there"
    assert web.problem.startswith("the catalogue requires it")


def test_a_service_that_is_only_required_is_not_told_to_run_an_unknown_version() -> None:
    entry = CatalogueEntry(id="SHOP-1", requires=("cart", "web"))
    histories = (a_line("begin", GIFT), a_line("begin", service="web"))
    vector = {**at("cart", 1), **at("web", 0)}
    (feature,) = a_resolver(*histories, entries=(entry,)).features(vector)

    _, web = explain({"cart": ledger_of(histories[0], SETTINGS)}, feature, vector, Lore()).shares

    assert web.problem.startswith("the catalogue requires it")


def test_what_it_is_measured_against_is_noted_where_the_tracked_branches_have_nothing() -> None:
    line = a_line("begin", GIFT)
    reverted = a_line("begin", GIFT, reverting(1))
    unmerged = History("cart", line.commits, (line.commits[0].id,))

    assert "have reverted all of it" in told((reverted,), at("cart", 1)).notes[0]
    assert "on no tracked branch" in told((unmerged,), at("cart", 1)).notes[0]
    assert told((line,), at("cart", 1)).notes == ()


def test_what_the_tracked_branches_no_longer_have_is_told_and_not_needed() -> None:
    first, second = items(a_line("begin", GIFT, CODES, reverting(1)), at("cart", 2))

    assert (first.is_needed, first.why) == (
        False,
        "in effect; not needed, since the tracked branches have reverted it",
    )
    assert (second.is_needed, second.why) == (True, "in effect")


def test_of_a_feature_that_no_history_can_be_read_for_only_the_parts_are_told() -> None:
    feature = told((a_line("begin", GIFT),), at("cart", 1)).feature

    (share,) = explain({}, feature, at("cart", 1), Lore(problems={"cart": "gone"})).shares

    assert (share.have, share.problem, share.items) == (1, "gone", ())


def test_all_that_an_explanation_names_is_what_has_to_be_looked_up() -> None:
    found = evidence(ledger_of(a_line("begin", GIFT, reverting(1), reverting(2)), SETTINGS), "SHOP-1")

    assert found.commits == tuple(id_of(f"cart{n}") for n in (1, 2, 3))
    assert [one.revert.commit for one in found.undone] == [id_of("cart2")]


def test_what_only_other_versions_hold_is_told_with_the_version_in_which_it_came_first() -> None:
    first, pick = id_of("cart1"), "f" * 40
    lore = Lore(
        elsewhere={("cart", first): {pick: "Gift cards for old shops"}},
        releases={("cart", first): Release(1, "v2.0"), ("cart", pick): Release(0, "v1.9")},
    )

    (item,) = told((a_line("begin", GIFT),), at("cart", 1), lore).shares[0].items

    assert [(one.subject, one.role, one.first) for one in item.witnesses] == [
        (GIFT, "change", "v2.0"),
        ("Gift cards for old shops", "pick", "v1.9"),
    ]
    assert item.first == "v1.9"


def test_the_first_version_is_the_one_that_holds_least_and_not_the_lowest_number() -> None:
    reading = ledger_of(a_line("begin", GIFT, CODES, "end"), SETTINGS).source.reading
    tags = {"v9": id_of("cart2"), "v10": id_of("cart2"), "v1": id_of("cart3"), "other": "f" * 40}

    found = first_releases(reading, (), tags, (id_of("cart1"), id_of("cart3"), "e" * 40))

    assert {commit: release.tag for commit, release in found.items()} == {id_of("cart1"): "v9", id_of("cart3"): "v1"}


def test_a_version_that_was_cut_from_the_main_line_comes_before_a_later_one_on_it() -> None:
    reading = ledger_of(a_line("begin", GIFT, CODES), SETTINGS).source.reading
    cut, fixed = "a" * 40, "b" * 40
    besides = ((cut, (id_of("cart1"),)), (fixed, (cut,)))
    tags = {"v2.0": id_of("cart2"), "v1.0.1": fixed, "v1.0": cut}

    found = first_releases(reading, besides, tags, (id_of("cart1"), id_of("cart2"), fixed))

    assert [found[id].tag for id in (id_of("cart1"), id_of("cart2"), fixed)] == ["v1.0", "v2.0", "v1.0.1"]
    assert tips(reading) == (id_of("cart2"),)
