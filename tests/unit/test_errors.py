"""Every error is a sentence with the next thing to do, and has the exit code of its kind."""

import inspect

import pytest

from reversion import errors
from reversion.errors import (
    HostUnreachable,
    InvalidInput,
    PlaybookFailed,
    Refused,
    ReversionError,
    UnknownName,
    WorldFailed,
    is_worth_retrying,
)


def test_an_error_says_what_is_wrong_and_then_what_to_do():
    error = Refused("Live is locked.", "Ask Bo.")

    assert str(error) == "Live is locked. Ask Bo."


def test_an_error_without_a_mend_is_one_sentence():
    assert str(WorldFailed("The disk is full.")) == "The disk is full."


@pytest.mark.parametrize(
    ("kind", "code"), [(InvalidInput, 2), (Refused, 1), (WorldFailed, 3)], ids=["input", "refusal", "world"]
)
def test_every_kind_below_has_the_same_exit_code(kind, code):
    below = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, kind)]
    below = [one for one in below if one is not errors.TestsRed]

    assert len(below) > 2
    assert {one.exit_code for one in below} == {code}


def test_a_red_production_test_is_a_no_and_not_a_failure_of_the_world():
    assert errors.TestsRed("smoke failed").exit_code == 1


def test_every_error_stands_in_the_tree_at_the_top():
    classes = [name for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ReversionError)]

    assert [name for name in classes if name not in (errors.__doc__ or "")] == []


def test_an_unknown_name_lists_the_first_ten_that_are_known():
    error = UnknownName.among("service", "x" * 200, tuple(f"s{i}" for i in range(12)))

    assert "s9, ..." in str(error)
    assert "s10" not in str(error)
    assert len(str(error)) < 250


def test_an_unknown_name_where_nothing_is_known_says_so():
    assert str(UnknownName.among("snapshot", "x", ())) == "No snapshot named 'x'. There is no snapshot yet."


def test_only_an_unreachable_host_is_worth_retrying():
    assert is_worth_retrying(HostUnreachable("web1 did not answer."))
    assert not is_worth_retrying(PlaybookFailed("A task failed."))
    assert not is_worth_retrying(OSError())
