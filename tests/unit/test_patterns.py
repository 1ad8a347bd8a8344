"""People's regular expressions can neither stall a review nor be mistaken for what they are not."""

import time

import pytest

from reversion.patterns import check, matches, whole_match

LONG = 200_000


@pytest.mark.parametrize(
    "regex",
    [
        r"(?P<id>(a+)+)$",
        r"(?P<id>(a|aa)+)$",
        r"(?P<id>(a|a?)+)$",
        r"(?P<id>([a-zA-Z]+)*)$",
        r"^(?P<id>(.*a){12})$",
        r"(?P<id>a*a*a*a*a*a*)b",
        r"(?P<id>(a*)*)*b",
        r"a[^z]*z|(?P<id>a)",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * LONG + "!", id="one line"),
        pytest.param(("a" * 999 + "!\n") * (LONG // 1_000), id="many lines"),
    ],
)
def test_no_expression_takes_exponential_time(regex: str, text: str) -> None:
    begin = time.process_time()

    list(matches(check(regex), text))

    assert time.process_time() - begin < 3


@pytest.mark.parametrize(
    ("regex", "told"),
    [
        pytest.param("(", "missing )", id="unfinished"),
        pytest.param(r"SHOP-\d+", "needs a group named id", id="no group"),
        pytest.param(r"(?P<key>\d+)", "needs a group named id", id="another group"),
        pytest.param(r"(?P<id>a)\1", "there is no look-around and no back-reference", id="back-reference"),
        pytest.param(r"(?P<id>a)(?=b)", "there is no look-around and no back-reference", id="look-ahead"),
        pytest.param(r"(?<!x)(?P<id>a)", "there is no look-around and no back-reference", id="look-behind"),
        pytest.param(r"(?P<id>(a{1,1000}){1,1000})", "invalid repetition size", id="a million times"),
        pytest.param(r"(?P<id>.{1,999}.{1,999}.{1,999})", "is too large", id="a large program"),
    ],
)
def test_what_cannot_be_bounded_or_names_nothing_is_refused_with_the_reason(regex: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is looked at below
        check(regex)

    assert told in str(caught.value)


def test_each_match_is_told_with_its_group_and_all_of_it() -> None:
    found = list(matches(r"card/(?P<id>\w+)", "see card/a1 and card/b2\n\ncard/ü card/c3"))

    assert found == [("a1", "card/a1"), ("b2", "card/b2"), ("c3", "card/c3")]


def test_a_line_begins_and_ends_where_the_text_has_it() -> None:
    assert [id for id, _ in matches(r"^(?P<id>.+)$", "one\ntwo")] == ["one", "two"]


def test_a_hundred_matches_are_told_at_most() -> None:
    assert len(list(matches("(?P<id>a)", "a" * 5_000))) == 100


@pytest.mark.parametrize("text", ["\ud800", "\0", "\x1b[31m", "\u202e", ""])
def test_any_text_can_be_looked_through(text: str) -> None:
    assert list(matches("(?P<id>x)", text)) == []


@pytest.mark.parametrize(
    ("text", "id"), [("shop/#12", "12"), ("workshop/#12", ""), ("shop/#12b", ""), ("\ud800", "")]
)
def test_a_whole_text_matches_or_does_not(text: str, id: str) -> None:
    assert whole_match(r"shop/#(?P<id>\d+)", text) == id
