"""Features judged from histories that are written down here, without Git."""

import hashlib

from reversion.feature_settings import CatalogueEntry, FeatureSettings, Key, Pattern
from reversion.features.records import Commit
from reversion.features.resolver import Resolver
from reversion.features.values import Change, Comparison, Feature, State
from tests.ledgers import History, resolver_of

SETTINGS = FeatureSettings(
    conventions=(Key(kind="key", projects=("SHOP",)),), url="https://tracker.example/browse/{id}"
)


def id_of(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def a_line(*messages: str, service: str = "cart") -> History:
    """Build a history of one line, one commit a message; the commits are called `cart0`, `cart1` and so on."""
    names = [f"{service}{at}" for at in range(len(messages))]
    commits = tuple(
        Commit(id_of(name), id_of(names[at - 1]) if at else "", message)
        for at, (name, message) in enumerate(zip(names, messages, strict=True))
    )
    return History(service, commits, (commits[-1].id,) if commits else ())


def a_resolver(
    *histories: History, entries: tuple[CatalogueEntry, ...] = (), settings: FeatureSettings = SETTINGS
) -> Resolver:
    return resolver_of(histories, settings, entries)


def only(features: tuple[Feature, ...]) -> Feature:
    (feature,) = features
    return feature


def groups(comparison: Comparison) -> dict[str, list[str]]:
    told: dict[str, tuple[Change, ...]] = {name: getattr(comparison, name) for name in Comparison.model_fields}
    return {name: [change.feature.id for change in changes] for name, changes in told.items() if changes}


def at(service: str, position: int) -> dict[str, str | None]:
    return {service: id_of(f"{service}{position}")}


GIFT = "feat: gift cards SHOP-1"
CODES = "feat: gift card codes SHOP-1"


def test_a_feature_is_complete_partial_or_absent_by_how_much_of_it_is_there() -> None:
    resolver = a_resolver(a_line("begin", GIFT, CODES))

    states = [only(resolver.features(at("cart", position))).state for position in range(3)]

    assert states == [State.ABSENT, State.PARTIAL, State.COMPLETE]


def test_a_feature_of_two_services_is_complete_only_with_both() -> None:
    resolver = a_resolver(a_line("begin", GIFT), a_line("begin", GIFT, service="web"))

    feature = only(resolver.features(at("cart", 1) | at("web", 0)))

    assert feature.state == State.PARTIAL
    assert [(part.service, part.have, part.need) for part in feature.parts] == [("cart", 1, 1), ("web", 0, 1)]


def test_a_version_that_is_not_known_makes_its_features_unknown_and_never_absent() -> None:
    resolver = a_resolver(a_line("begin", GIFT))

    feature = only(resolver.features({"cart": None}))

    assert (feature.state, feature.parts[0].unknown, feature.parts[0].need) == (State.UNKNOWN, True, 1)


def test_a_commit_that_was_not_read_makes_its_features_unknown() -> None:
    assert only(a_resolver(a_line("begin", GIFT)).features({"cart": "f" * 40})).state == State.UNKNOWN


def test_a_service_that_does_not_run_has_nothing_and_that_is_known() -> None:
    assert only(a_resolver(a_line("begin", GIFT)).features({})).state == State.ABSENT


def test_a_service_whose_history_has_a_problem_makes_what_requires_it_unknown() -> None:
    entry = CatalogueEntry(id="SHOP-1", requires=("web",))
    resolver = a_resolver(a_line("begin", GIFT), entries=(entry,))

    feature = only(resolver.features(at("cart", 1) | at("web", 0)))

    assert feature.state == State.UNKNOWN


def test_a_required_service_that_nobody_has_begun_needs_one() -> None:
    entry = CatalogueEntry(id="SHOP-1", requires=("cart", "web"))
    resolver = a_resolver(a_line("begin", GIFT), a_line("begin", service="web"), entries=(entry,))

    feature = only(resolver.features(at("cart", 1) | at("web", 0)))

    assert feature.state == State.PARTIAL
    assert [(part.service, part.have, part.need) for part in feature.parts] == [("cart", 1, 1), ("web", 0, 1)]


def test_a_catalogue_entry_that_no_commit_names_is_absent() -> None:
    resolver = a_resolver(a_line("begin"), entries=(CatalogueEntry(id="SHOP-9", title="Planned"),))

    assert [(one.id, one.state) for one in resolver.features(at("cart", 0))] == [("SHOP-9", State.ABSENT)]


def test_the_keys_of_an_entry_are_told_under_its_id_only() -> None:
    entry = CatalogueEntry(id="gift-cards", keys=("SHOP-1", "SHOP-2", "cart#7"))
    resolver = a_resolver(a_line("begin", GIFT, "feat: stamps SHOP-2", "tidy (#7)"), entries=(entry,))

    feature = only(resolver.features(at("cart", 3)))

    assert (feature.id, feature.parts[0].need) == ("gift-cards", 3)


def test_what_the_reference_has_dropped_is_not_needed() -> None:
    history = a_line("begin", GIFT, CODES, f"Revert it\n\nThis reverts commit {id_of('cart2')}.")

    feature = only(a_resolver(history).features(at("cart", 1)))

    assert (feature.state, feature.parts[0].need) == (State.COMPLETE, 1)


def test_a_feature_dropped_for_good_is_measured_against_what_it_was() -> None:
    history = a_line(
        "begin",
        GIFT,
        CODES,
        f"Revert it\n\nThis reverts commit {id_of('cart2')}.",
        f"Revert all of it\n\nThis reverts commit {id_of('cart1')}.",
    )
    resolver = a_resolver(history)

    states = [only(resolver.features(at("cart", position))).state for position in range(5)]

    assert states == [State.ABSENT, State.PARTIAL, State.COMPLETE, State.PARTIAL, State.WITHDRAWN]


def test_an_earlier_attempt_stands_in_for_the_later_one_and_is_marked() -> None:
    history = a_line(
        GIFT, f"Revert it\n\nThis reverts commit {id_of('cart0')}.", "feat: gift cards done right SHOP-1"
    )

    feature = only(a_resolver(history).features(at("cart", 0)))

    assert (feature.state, feature.ambiguous) == (State.COMPLETE, True)


def test_a_revert_that_quotes_a_key_is_no_evidence_of_it() -> None:
    history = a_line("begin", 'Revert "feat: gift cards SHOP-1"')

    assert a_resolver(history).features(at("cart", 1)) == ()


def test_a_plain_merge_that_names_a_key_is_no_evidence_of_it() -> None:
    begin, side, merge = id_of("begin"), id_of("side"), id_of("merge")
    commits = (
        Commit(begin, "", "begin"),
        Commit(side, begin, "tidy"),
        Commit(merge, f"{begin} {side}", "Merge branch 'SHOP-1'"),
    )

    assert a_resolver(History("cart", commits, (merge,))).features({"cart": merge}) == ()


def test_going_back_sorts_features_into_what_becomes_of_them() -> None:
    history = a_line(
        "begin",
        "feat: kept SHOP-1",
        "feat: halved SHOP-2",
        "feat: dropped SHOP-5",
        f"Revert it\n\nThis reverts commit {id_of('cart3')}.",
        "feat: halved, part two SHOP-2",
        "feat: lost SHOP-3",
    )
    resolver = a_resolver(history)

    back = groups(resolver.compare(at("cart", 6), at("cart", 3)))
    forward = groups(resolver.compare(at("cart", 3), at("cart", 6)))

    assert back == {
        "lost": ["SHOP-3"],
        "made_partial": ["SHOP-2"],
        "resurrected": ["SHOP-5"],
        "kept": ["SHOP-1"],
    }
    assert forward == {
        "lost": ["SHOP-5"],
        "regained": ["SHOP-3"],
        "completed": ["SHOP-2"],
        "kept": ["SHOP-1"],
    }


def test_what_was_landed_again_after_its_revert_is_regained_and_not_resurrected() -> None:
    history = a_line(
        GIFT,
        f"Revert it\n\nThis reverts commit {id_of('cart0')}.",
        f"Revert the revert\n\nThis reverts commit {id_of('cart1')}.",
    )
    resolver = a_resolver(history)

    assert groups(resolver.compare(at("cart", 1), at("cart", 2))) == {"regained": ["SHOP-1"]}
    assert groups(resolver.compare(at("cart", 1), at("cart", 0))) == {"resurrected": ["SHOP-1"]}


def test_a_feature_that_cannot_be_known_on_one_side_is_in_the_unknown_group() -> None:
    resolver = a_resolver(a_line("begin", GIFT))

    assert groups(resolver.compare(at("cart", 1), {"cart": None})) == {"unknown": ["SHOP-1"]}
    assert groups(resolver.compare({"cart": None}, at("cart", 0))) == {"unknown": ["SHOP-1"]}


def test_a_part_that_shrinks_is_made_partial_though_it_was_partial_before() -> None:
    resolver = a_resolver(a_line("begin", GIFT, CODES, "feat: gift card mails SHOP-1"))

    assert groups(resolver.compare(at("cart", 2), at("cart", 1))) == {"made_partial": ["SHOP-1"]}
    assert groups(resolver.compare(at("cart", 1), at("cart", 2))) == {"kept": ["SHOP-1"]}


def test_what_is_absent_on_both_sides_is_in_no_group() -> None:
    resolver = a_resolver(a_line("begin", "tidy", GIFT))

    assert groups(resolver.compare(at("cart", 1), at("cart", 0))) == {}


def test_security_fixes_come_first_then_fixes_then_features_each_by_number() -> None:
    history = a_line(
        "begin",
        "feat: a SHOP-10",
        "feat: b SHOP-9",
        "fix: c SHOP-11",
        "fix(security): d SHOP-30",
        "Security: e SHOP-29",
        "Fixes the totals SHOP-3",
    )
    resolver = a_resolver(history)

    lost = resolver.compare(at("cart", 6), at("cart", 0)).lost

    assert [change.feature.id for change in lost] == [
        "SHOP-29",
        "SHOP-30",
        "SHOP-3",
        "SHOP-11",
        "SHOP-9",
        "SHOP-10",
    ]


def test_a_title_is_the_first_feat_subject_without_type_key_and_number() -> None:
    history = a_line("begin", "chore: prepare SHOP-1", "feat(cart)!: [SHOP-1] gift cards (SHOP-1) (#12)")

    feature = only(a_resolver(history).features(at("cart", 2)))

    assert (feature.title, feature.url) == ("gift cards", "https://tracker.example/browse/SHOP-1")


def test_a_title_holds_nothing_that_could_harm_a_terminal() -> None:
    feature = only(a_resolver(a_line("SHOP-1 gift\x1b[2J cards\u202e\x07")).features(at("cart", 0)))

    assert feature.title == "gift cards"


def test_a_feature_without_any_words_is_called_by_its_id() -> None:
    assert only(a_resolver(a_line("SHOP-1")).features(at("cart", 0))).title == "SHOP-1"


def test_the_catalogue_wins_over_what_commits_say() -> None:
    entry = CatalogueEntry(id="SHOP-1", title="Gift cards", kind="fix", owner="pay", url="https://x.example/1")

    feature = only(a_resolver(a_line("security: hole SHOP-1"), entries=(entry,)).features(at("cart", 0)))

    assert (feature.title, feature.kind, feature.owner, feature.url) == (
        "Gift cards",
        "fix",
        "pay",
        "https://x.example/1",
    )


def test_a_feature_named_by_its_link_keeps_that_link() -> None:
    trello = Pattern(kind="pattern", regex=r"https://trello\.com/c/(?P<id>\w+)")
    settings = SETTINGS.model_copy(update={"conventions": (trello,)})
    resolver = a_resolver(a_line("gift cards https://trello.com/c/aB3"), settings=settings)

    assert only(resolver.features(at("cart", 0))).url == "https://trello.com/c/aB3"


def test_an_id_is_quoted_in_the_trackers_link() -> None:
    entry = CatalogueEntry(id="shop/cart#12")

    feature = only(a_resolver(entries=(entry,)).features({}))

    assert feature.url == "https://tracker.example/browse/shop%2Fcart%2312"


def test_commits_lie_to_each_other_as_the_graph_says() -> None:
    history = a_line("a", "b", "c")
    side = Commit(id_of("side"), id_of("cart0"), "side")
    resolver = a_resolver(History("cart", (*history.commits, side), history.tracked))

    told = {
        (relation.direction, relation.leaving, relation.gaining)
        for relation in (
            resolver.relation("cart", id_of("cart2"), id_of("cart0")),
            resolver.relation("cart", id_of("cart0"), id_of("cart2")),
            resolver.relation("cart", id_of("cart2"), id_of("side")),
            resolver.relation("cart", id_of("cart2"), id_of("cart2")),
        )
    }

    assert told == {("back", 2, 0), ("forward", 0, 2), ("diverged", 2, 1), ("same", 0, 0)}


def test_a_relation_to_what_is_not_known_or_not_there_says_so() -> None:
    resolver = a_resolver(a_line("a"))
    here = id_of("cart0")

    assert resolver.relation("cart", None, here).direction == "unknown"
    assert resolver.relation("cart", here, "f" * 40).direction == "unknown"
    assert resolver.relation("web", here, "f" * 40).direction == "unknown"
    assert resolver.relation("cart", "", here).direction == "added"
    assert resolver.relation("cart", here, "").direction == "removed"


def test_a_thousand_reverts_of_reverts_are_followed() -> None:
    messages = [GIFT, *(f"Revert it\n\nThis reverts commit {id_of(f'cart{n}')}." for n in range(1000))]
    resolver = a_resolver(a_line(*messages))

    assert only(resolver.features(at("cart", 1000))).state == State.COMPLETE
    assert only(resolver.features(at("cart", 999))).state == State.WITHDRAWN


def test_a_commit_that_claims_to_revert_itself_or_nothing_harms_nothing() -> None:
    history = a_line(
        GIFT,
        f"feat: stamps SHOP-2\n\nThis reverts commit {id_of('cart1')}.",
        f"feat: mails SHOP-3\n\nThis reverts commit {'0' * 40}.\n(cherry picked from commit {id_of('cart2')})",
    )

    states = {feature.id: feature.state for feature in a_resolver(history).features(at("cart", 2))}

    assert states == dict.fromkeys(("SHOP-1", "SHOP-2", "SHOP-3"), State.COMPLETE)
