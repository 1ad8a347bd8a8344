"""Which features a commit message names."""

import time

import pytest

from reversion.features.conventions import mentions
from reversion.features.messages import trailers
from reversion.product import Convention, FeatureSettings, Key, Line, Pattern, PullRequest, Trailer

LINE = Line(kind="line", names=("Feature", "Issue-ID"))
TRAILER = Trailer(kind="trailer", names=("Feature",))
KEY = Key(kind="key", projects=("SHOP", "PAY"))
PULL = PullRequest(kind="pull_request")
TRELLO = Pattern(kind="pattern", regex=r"https://trello\.com/c/(?P<id>\w+)")


def named(message: str, *conventions: Convention) -> tuple[str, ...]:
    return mentions(message, "cart", FeatureSettings(conventions=conventions))


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add\n\nFeature: SHOP-42", ("SHOP-42",), id="a line of its own"),
        pytest.param("Add\nfeature : SHOP-42", ("SHOP-42",), id="right below the subject, in any case"),
        pytest.param("Add\n\n    Issue-ID: SHOP-42\n\nmore", ("SHOP-42",), id="indented by a squash"),
        pytest.param("Add\n\nFeature: SHOP-1, SHOP-2 SHOP-3", ("SHOP-1", "SHOP-2", "SHOP-3"), id="several"),
        pytest.param("Add\n\nFeature: SHOP-1\nFeature: SHOP-1", ("SHOP-1",), id="told twice"),
        pytest.param("Add\n\nFeature: (#12).", ("12",), id="a number in brackets"),
        pytest.param("Add\n\nFeature: checkout", ("checkout",), id="a lone word"),
        pytest.param("Add\n\nFeature: Gift cards at checkout", (), id="prose"),
        pytest.param("Add\n\nFeature: SHOP-1 gift cards", ("SHOP-1",), id="an id, then prose"),
        pytest.param("Add\n\nFeature=SHOP-1", (), id="no colon"),
        pytest.param("Add\n\nThe Feature: SHOP-1", (), id="in the middle of a line"),
        pytest.param("Add\n\nFeature: ../../etc", (), id="no id at all"),
        pytest.param("Add\n\nFeature: $(reboot)", (), id="shell"),
        pytest.param("Add\n\nFeature: " + "A1" * 60, (), id="too long for an id"),
    ],
)
def test_a_line_names_features(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, LINE) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("S\n\nFeature: SHOP-1\n\nSigned-off-by: a <b>", (), id="parted from the last paragraph"),
        pytest.param("S\n\nFeature: SHOP-1\none\ntwo\nthree\nfour", (), id="in a paragraph of prose"),
        pytest.param("S\n\nFeature: SHOP-1\none\ntwo\nSigned-off-by: a <b>", ("SHOP-1",), id="a quarter"),
        pytest.param("S\n\nBREAKING CHANGE: y\nFeature: SHOP-1", (), id="spoiled by a token with a space"),
        pytest.param(
            f"S\n\nFeature: SHOP-1\n(cherry picked from commit {'a' * 40})", ("SHOP-1",), id="above a pick mark"
        ),
        pytest.param("S\nFeature: SHOP-1", (), id="in the subject's paragraph"),
        pytest.param("S\n\nFeature=SHOP-1", (), id="no colon"),
        pytest.param("S\n\nFeature: SHOP-1\n\nFeature: SHOP-2\n\nCo-authored-by: x <y>", (), id="a squash"),
        pytest.param("S\n\nFeature: SHOP-1,\n  SHOP-2", ("SHOP-1", "SHOP-2"), id="folded"),
    ],
)
def test_a_trailer_is_what_git_sees_as_one(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, TRAILER) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add totals SHOP-42", ("SHOP-42",), id="subject"),
        pytest.param("Add\n\nsee https://tracker.example/browse/PAY-7.", ("PAY-7",), id="a link in the body"),
        pytest.param("feat(SHOP-42): add", ("SHOP-42",), id="conventional scope"),
        pytest.param("Merge branch 'SHOP-9-totals'", ("SHOP-9",), id="branch name"),
        pytest.param("[SHOP-1][SHOP-2] add", ("SHOP-1", "SHOP-2"), id="several"),
        pytest.param("SHOP-1 #comment done #time 1h", ("SHOP-1",), id="smart commit"),
        pytest.param("Read UTF-8, CVE-2024-1234, PEP-8, GPT-4, JDK-17, SHA-256", (), id="no listed project"),
        pytest.param("E-SHOP-42 MYSHOP-42 SHOP-42B SHOP-4.2 SHOP_SHOP-1x SHOP-0", (), id="part of something"),
        pytest.param("shop-42", (), id="small letters"),
        pytest.param("SHOP-42.", ("SHOP-42",), id="end of a sentence"),
    ],
)
def test_only_keys_of_listed_projects_count(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, KEY) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add totals (#12)", ("cart#12",), id="squash"),
        pytest.param("Add totals (#12) (#15)", ("cart#12",), id="backport keeps the original"),
        pytest.param("Merge pull request #12 from shop/x\n\nTotals", ("cart#12",), id="merge"),
        pytest.param("Merge branch 'x'\n\nSee merge request shop/cart!12", ("cart#12",), id="merge request"),
        pytest.param("Merged PR 12: totals", ("cart#12",), id="merged PR"),
        pytest.param("Fix #12 in totals", (), id="in the middle of the subject"),
        pytest.param("Add totals\n\n(#12)", (), id="in the body"),
    ],
)
def test_a_pull_request_is_a_feature_of_its_service(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, PULL) == ids


def test_a_pattern_names_what_its_group_matches() -> None:
    assert named("Add\n\nhttps://trello.com/c/aB3dEf9h/12-gift-cards", TRELLO) == ("aB3dEf9h",)


def test_an_id_that_no_feature_may_have_is_left_out() -> None:
    loose = Pattern(kind="pattern", regex=r"card (?P<id>.*)")

    assert named("card <script>alert(1)</script>", loose) == ()


def test_conventions_add_up_and_name_a_feature_once() -> None:
    assert named("Add SHOP-1 (#12)\n\nFeature: SHOP-1, SHOP-2", LINE, KEY, PULL) == (
        "SHOP-1",
        "SHOP-2",
        "cart#12",
    )


def test_without_conventions_nothing_is_named() -> None:
    assert named("Add SHOP-1 (#12)\n\nFeature: SHOP-1") == ()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("Feature: " + "x" * 1_000_000, id="one long word"),
        pytest.param(" " * 1_000_000 + "Feature: SHOP-1", id="a megabyte of spaces"),
        pytest.param("SHOP-" * 200_000, id="beginnings of keys"),
        pytest.param("s\n\n" + "a-" * 500_000 + ":", id="beginnings of trailers"),
        pytest.param("(#1) " * 200_000, id="numbers"),
        pytest.param("s\n" * 500_000, id="half a million lines"),
        pytest.param("x" * 1_000_000 + "!", id="a regular expression that backtracks"),
    ],
)
def test_a_hostile_message_is_read_quickly(message: str) -> None:
    backtracking = Pattern(kind="pattern", regex=r"x+(?P<id>\d)")
    begin = time.process_time()

    named(message, LINE, TRAILER, KEY, PULL, backtracking)

    assert time.process_time() - begin < 3


def test_only_the_first_thousand_characters_of_a_long_line_are_looked_at() -> None:
    assert named("x" * 980 + " SHOP-1", KEY) == ("SHOP-1",)
    assert named("x" * 1_001 + " SHOP-1\nSHOP-2", KEY) == ("SHOP-2",)


@pytest.mark.parametrize("message", ["", "\n\n\n", "\0", "\x1b[31m", "\ud800", "\n\nFeature:\n", ":", "#"])
def test_a_message_that_says_nothing_names_nothing(message: str) -> None:
    assert named(message, LINE, TRAILER, KEY, PULL, TRELLO) == ()
    assert trailers(message) == ()
