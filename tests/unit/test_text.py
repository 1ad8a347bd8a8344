"""Text from outside is made harmless, and the same content always has the same digest."""

import json

import pytest

from reversion.text import canonical_json, closest, digest, from_markdown, glob, markdown, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("two\nlines\tand  blanks ", "two lines and blanks", id="one line"),
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colours"),
        pytest.param("\x1b]0;title\x07text", "text", id="a terminal's title"),
        pytest.param("a\u202eb\u200bc", "abc", id="direction marks and blanks of no width"),
        pytest.param("nul\x00 bell\x07", "nul bell", id="control characters"),
        pytest.param("\ud800half", "half", id="half a character"),
        pytest.param("äöü 漢字", "äöü 漢字", id="letters stay"),
    ],
)
def test_plain_text_is_one_harmless_line(text, shown):
    assert plain(text) == shown


def test_long_text_is_cut_with_dots():
    assert plain("x" * 300, 20) == "x" * 17 + "..."


def test_markdown_is_shown_literally():
    assert markdown("| **a** <b> [c](d) & `e`") == r"\| \*\*a\*\* &lt;b&gt; \[c\](d) &amp; \`e\`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("see https://evil.example", r"see https\://evil.example", id="an address"),
        pytest.param("WWW.evil.example", r"WWW\.evil.example", id="a bare name"),
        pytest.param("ana@evil.example", r"ana\@evil.example", id="a mail address"),
        pytest.param("- one", r"\- one", id="a list"),
        pytest.param("1. one", r"1\. one", id="a numbered list"),
        pytest.param("a - b: 1.5, C:/x", "a - b: 1.5, C:/x", id="what means nothing stays"),
    ],
)
def test_markdown_makes_no_links_or_lists_of_its_own(text: str, shown: str):
    assert markdown(text) == shown


@pytest.mark.parametrize(
    "text", ["| **a** <b> [c](d) & `e`", r"\&lt; &amp; \@ <", "- a@b https://c www.d", "C:\\x\\y"]
)
def test_what_was_escaped_comes_back(text: str):
    assert from_markdown(markdown(text)) == text


def test_canonical_json_is_the_same_for_the_same_content():
    assert canonical_json({"b": 1, "a": "ä"}) == canonical_json({"a": "ä", "b": 1}) == '{"a":"ä","b":1}'


def test_canonical_json_refuses_what_json_has_not():
    with pytest.raises(ValueError, match="float"):
        canonical_json({"a": float("nan")})


def test_the_digest_is_of_the_content_not_of_the_order():
    assert digest({"b": 1, "a": 2}) == digest(json.loads('{"a": 2, "b": 1}'))
    assert digest({"a": 1}) != digest({"a": "1"})


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param("stagin", ("live", "staging"), "staging", id="a letter short"),
        pytest.param("prod", ("live", "staging"), None, id="nothing near"),
        pytest.param("x", (), None, id="nothing known"),
    ],
)
def test_the_closest_name_is_the_one_most_likely_meant(name, known, expected):
    assert closest(name, known) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        pytest.param("features/*.yaml", "features/a.yaml", True, id="a file in the folder"),
        pytest.param("features/*.yaml", "features/old/a.yaml", False, id="a star stays in its folder"),
        pytest.param("features/*.yaml", "x/features/a.yaml", False, id="the whole path must fit"),
        pytest.param("features/**/*.yaml", "features/a.yaml", True, id="two stars may be no folder"),
        pytest.param("features/**/*.yaml", "features/b/c/a.yaml", True, id="two stars cross folders"),
        pytest.param("db/**", "db/1/up.sql", True, id="two stars at the end"),
        pytest.param("a?.(b)", "ax.(b)", True, id="a question mark is one letter, brackets are themselves"),
        pytest.param("a?.(b)", "a/.(b)", False, id="a question mark is no slash"),
    ],
)
def test_a_glob_fits_whole_paths(pattern, path, fits):
    assert bool(glob(pattern).fullmatch(path)) is fits


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u200d", "\u2060", "\u202e", "\ufeff", "\U000e0061"])
def test_what_nobody_sees_is_left_out(invisible):
    assert plain(f"Gift{invisible} cards") == "Gift cards"
