"""Files that other tools own may use aliases; they cost nothing, and our own files may not."""

from typing import Any

import pytest

from reversion.adapters.yaml_text import UnreadableError, read_yaml


def read(text: str) -> Any:
    return read_yaml(text.encode(), is_foreign=True).content


def test_an_alias_is_the_very_same_thing():
    content = read("a: &x {tag: 1.10}\nb: *x\nc: {<<: *x, d: *y}\n".replace("*y", "NO"))

    assert content["b"] is content["a"]
    assert content["c"] == {"<<": {"tag": "1.10"}, "d": "NO"}


def test_aliases_that_multiply_cost_nothing():
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 200))

    content = read(f"a0: &a0 x\n{levels}\nversion: 1.10\n")

    assert content["version"] == "1.10"


@pytest.mark.parametrize("text", ["a: *x", "a: &x [*x]", "a: &x {b: *x}", "a: *x\nb: &x 1"])
def test_an_alias_of_nothing_above_is_refused(text):
    with pytest.raises(UnreadableError, match=r"uses the alias \*x of nothing above"):
        read(text)


def test_empty_values_and_texts_marked_as_such_are_texts():
    document = read_yaml(b"a:\nb: !!str 1.10\n", is_foreign=True)

    assert (document.content, document.problems) == ({"a": "", "b": "1.10"}, [])


@pytest.mark.parametrize("text", ["a: !reset null", "a: !!int 1", "? [a]\n: b", "a: 1\n---\nb: 1", "[" * 30_000])
def test_what_is_refused_in_our_own_files_mostly_still_is(text):
    with pytest.raises(UnreadableError):
        read(text)


def test_a_key_that_stands_twice_is_a_problem_still():
    (problem,) = read_yaml(b"a: 1\na: 2\n", is_foreign=True).problems

    assert str(problem) == "line 2, a: stands twice; remove one of the two"


@pytest.mark.parametrize("text", ["a: &x 1", "a: *x"])
def test_our_own_files_have_no_aliases(text):
    with pytest.raises(UnreadableError, match="uses an alias or anchor"):
        read_yaml(text.encode())
