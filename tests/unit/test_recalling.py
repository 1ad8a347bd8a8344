"""What a snapshot says of features stays in sight, also where it is judged otherwise now."""

import pytest

from reversion.features.recalling import out_of_sight, recall, there
from reversion.features.values import Comparison, Feature, State
from tests.builders import a_change
from tests.unit.test_features import CODES, GIFT, a_line, a_resolver, at


def taken(name: str, state: State) -> Feature:
    return Feature(id=name, title=name, state=state)


def test_only_a_state_that_differs_from_what_comes_after_is_recalled() -> None:
    lost = a_change("SHOP-1", State.COMPLETE, State.PARTIAL)
    kept = a_change("SHOP-2", State.COMPLETE, State.COMPLETE)
    new = a_change("SHOP-3", State.COMPLETE, State.ABSENT)

    told = recall(
        Comparison(made_partial=(lost,), kept=(kept,), lost=(new,)),
        (taken("SHOP-1", State.COMPLETE), taken("SHOP-2", State.COMPLETE)),
    )

    assert [change.when_taken for change in (*told.made_partial, *told.kept, *told.lost)] == [
        State.COMPLETE,
        None,
        None,
    ]


def test_what_was_there_and_is_named_by_nothing_now_is_unknown() -> None:
    (feature,) = out_of_sight((taken("SHOP-1", State.PARTIAL), taken("SHOP-2", State.ABSENT)), ())

    assert (feature.id, feature.state) == ("SHOP-1", State.UNKNOWN)


def test_what_was_there_and_is_judged_absent_on_both_sides_is_kept_in_sight() -> None:
    resolver = a_resolver(a_line("begin", "chore: tidy", GIFT, CODES))
    then = (taken("SHOP-1", State.COMPLETE),)

    kept = recall(resolver.compare(at("cart", 1), at("cart", 0), there(then)), then).kept

    assert [(one.feature.id, one.after, one.when_taken) for one in kept] == [("SHOP-1", State.ABSENT, State.COMPLETE)]
    assert resolver.compare(at("cart", 1), at("cart", 0)) == Comparison()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(State.COMPLETE, State.PARTIAL, "complete to partial", id="both known"),
        pytest.param(State.UNKNOWN, State.UNKNOWN, "not known before or afterwards", id="neither known"),
        pytest.param(State.COMPLETE, State.UNKNOWN, "complete before, not known afterwards", id="known before only"),
        pytest.param(State.UNKNOWN, State.ABSENT, "not known before, absent afterwards", id="known afterwards only"),
    ],
)
def test_what_is_not_known_of_a_change_is_said_in_words(before: State, after: State, told: str) -> None:
    assert a_change("SHOP-1", before, after).told == told
    assert a_change("SHOP-1", before, after, when_taken=State.COMPLETE).told == f"{told}, complete when taken"
