"""Snapshots are ranked by what they would take away, security fixes before everything else."""

from datetime import timedelta
from typing import Any

import pytest

from reversion.candidates import Criteria, Nearer, Now, distance, nearer, rank
from reversion.features.values import Comparison, Feature, Part, State
from reversion.snapshot import Recorded, SnapshotFeature
from tests.builders import NOON, TAG, a_change, a_plan, a_snapshot

FIX = {"kind": "security"}


def features(**states: State) -> dict[str, SnapshotFeature]:
    return {name: SnapshotFeature(title=name, state=state) for name, state in states.items()}


def taken(day: int, version: str = "1.0.0", **given: Any) -> Recorded:
    """A snapshot of that day, with a version of its own where one is given."""
    made = a_snapshot({"cart": version}, taken_at=NOON + timedelta(days=day), **given)
    return made.model_copy(update={"tag": f"reversion/staging/day-{day}"})


def now(**states: State) -> Now:
    return Now(features=tuple(Feature(id=name, title=name, state=state) for name, state in states.items()))


def tags(ranked: tuple[Any, ...]) -> list[str]:
    return [each.tag.rpartition("-")[2] for each in ranked]


@pytest.mark.parametrize(
    ("before", "after", "group"),
    [
        pytest.param(State.COMPLETE, State.ABSENT, "lost", id="it is not there then"),
        pytest.param(State.PARTIAL, State.WITHDRAWN, "lost", id="it is reverted then"),
        pytest.param(State.COMPLETE, None, "lost", id="nobody knew of it then"),
        pytest.param(State.ABSENT, State.COMPLETE, "regained", id="it is there then"),
        pytest.param(None, State.PARTIAL, "regained", id="nobody knows of it now"),
        pytest.param(State.WITHDRAWN, State.COMPLETE, "resurrected", id="it is reverted now"),
        pytest.param(State.UNKNOWN, State.COMPLETE, "unknown", id="not known now"),
        pytest.param(State.COMPLETE, State.UNKNOWN, "unknown", id="not known then"),
        pytest.param(State.COMPLETE, State.COMPLETE, None, id="there both times"),
        pytest.param(State.ABSENT, State.WITHDRAWN, None, id="not there either time"),
    ],
)
def test_each_feature_is_in_its_group(before: State | None, after: State | None, group: str | None):
    found = distance(
        now(**({"A": before} if before else {})), taken(1, features=features(**({"A": after} if after else {})))
    )

    groups = ("lost", "made_partial", "resurrected", "regained", "unknown")
    assert {name for name in groups if getattr(found, name) == ("A",)} == ({group} if group else set())


def test_a_feature_with_fewer_items_then_is_made_partial_though_it_was_called_complete():
    mine = Feature(id="A", title="A", state=State.COMPLETE, parts=(Part(service="cart", have=3, need=3),))
    then = SnapshotFeature(title="A", state=State.COMPLETE, parts=(Part(service="cart", have=2, need=2),))

    assert distance(Now(features=(mine,)), taken(1, features={"A": then})).made_partial == ("A",)


def test_one_security_fix_weighs_more_than_many_features():
    mine = Now(
        features=(
            Feature(id="S", title="S", kind="security", state=State.COMPLETE),
            *(Feature(id=f"F{number}", title="F", state=State.COMPLETE) for number in range(5)),
        )
    )
    without_fix = taken(2, "2", features=features(F0=State.COMPLETE, **dict.fromkeys(["F1", "F2"], State.COMPLETE)))
    without_features = taken(1, "1", features=features(S=State.COMPLETE))

    ranked = rank(mine, [without_fix, without_features])

    assert tags(ranked) == ["1", "2"]
    assert (ranked[0].security, ranked[1].security) == ((), ("S",))


def test_where_as_much_is_lost_the_newest_comes_first():
    ranked = rank(now(A=State.COMPLETE), [taken(1, "1"), taken(3, "3"), taken(2, "2")])

    assert tags(ranked) == ["3", "2", "1"]


def test_of_the_same_versions_the_newest_verified_one_stands_for_all():
    ranked = rank(now(), [taken(3, verified=None), taken(1), taken(2)])

    assert tags(ranked) == ["2"]
    assert ranked[0].same == ("reversion/staging/day-1", "reversion/staging/day-3")


def test_other_conventions_are_told():
    mine = now(A=State.COMPLETE).model_copy(update={"conventions": "x" * 64})

    assert distance(mine, taken(1)).otherwise_named
    assert not distance(mine, taken(1, conventions="x" * 64)).otherwise_named


@pytest.mark.parametrize(
    ("criteria", "fits"),
    [
        pytest.param({"present": ("A",)}, True, id="has it"),
        pytest.param({"present": ("A", "P")}, False, id="a part is not enough"),
        pytest.param({"missing": ("W", "N")}, True, id="reverted or never heard of is missing"),
        pytest.param({"missing": ("P",)}, False, id="a part is too much"),
        pytest.param({"missing": ("U",)}, False, id="what is not known is not missing"),
        pytest.param({"verified": True, "complete": True}, True, id="verified and complete"),
    ],
)
def test_a_snapshot_fits_by_what_it_recorded(criteria: dict[str, Any], fits: bool):
    states = {"A": State.COMPLETE, "P": State.PARTIAL, "W": State.WITHDRAWN, "U": State.UNKNOWN}
    snapshot = taken(1, features=features(**states)).snapshot

    assert Criteria(**criteria).fits(snapshot) is fits


@pytest.mark.parametrize("given", [{"verified": None}, {"verified": False}])
def test_what_is_not_verified_does_not_fit_where_that_is_asked(given: dict[str, Any]):
    assert not Criteria(verified=True).fits(taken(1, **given).snapshot)


def planned(*losses: str) -> Any:
    lost = tuple(a_change(name, State.COMPLETE, State.ABSENT, **(FIX if name == "S" else {})) for name in losses)
    kept = (a_change("K", State.COMPLETE, State.COMPLETE),)
    return a_plan(comparison=Comparison(lost=lost, kept=kept))


def test_the_nearer_snapshot_is_the_newest_that_takes_away_less_of_the_same():
    here = {"K": State.COMPLETE}
    nothing = taken(9, features=features(S=State.COMPLETE, A=State.COMPLETE, B=State.COMPLETE, **here))
    one = taken(8, features=features(S=State.COMPLETE, A=State.COMPLETE, **here))
    two = taken(7, features=features(A=State.COMPLETE, **here))

    assert nearer(planned("S", "A", "B"), [nothing, one, two]) == Nearer(tag=one.tag, losses=("B",))
    assert nearer(planned("S", "A", "B"), [two]) == Nearer(tag=two.tag, losses=("S", "B"), security=1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(taken(8, features=features(A=State.COMPLETE)), id="takes away what would stay"),
        pytest.param(taken(8, features=features(K=State.COMPLETE)), id="takes away as much"),
        pytest.param(
            taken(8, features=features(A=State.COMPLETE, K=State.COMPLETE), verified=None), id="not verified"
        ),
        pytest.param(
            taken(8, features=features(A=State.COMPLETE, K=State.COMPLETE), complete=False), id="not complete"
        ),
        pytest.param(taken(8, features=features(A=State.UNKNOWN, K=State.COMPLETE)), id="not known"),
        pytest.param(
            taken(8, features=features(A=State.COMPLETE, K=State.COMPLETE)).model_copy(update={"tag": TAG}),
            id="the chosen one itself",
        ),
    ],
)
def test_what_is_worse_in_any_way_is_not_named_as_nearer(other: Recorded):
    assert nearer(planned("A", "B"), [other]) is None
