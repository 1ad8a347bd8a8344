"""Features are listed as asked for, and one row tells of a feature in all environments."""

import pytest

from reversion.features.listing import Wanted, board, chosen
from reversion.features.values import Feature, Part, State

CART, PAY = Part(service="cart", have=1, need=2), Part(service="pay", have=2, need=2)


def a_feature(id: str = "SHOP-1", state: State = State.COMPLETE, **given: object) -> Feature:
    return Feature.model_validate({"id": id, "title": f"Title of {id}", "state": state} | given)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Wanted(), id="anything"),
        pytest.param(Wanted(kinds=("fix", "security")), id="one of the kinds"),
        pytest.param(Wanted(owners=("Team Pay",)), id="the owner, in other letters"),
        pytest.param(Wanted(states=("partial",)), id="the state"),
        pytest.param(Wanted(services=("cart", "web")), id="one of the services"),
        pytest.param(Wanted(text="shop-9"), id="text in the id"),
        pytest.param(Wanted(text="GIFT"), id="text in the title"),
        pytest.param(Wanted(text="team p"), id="text in the owner"),
    ],
)
def test_a_feature_that_fits_is_listed(wanted: Wanted):
    feature = a_feature(
        "SHOP-9", State.PARTIAL, title="Gift cards", kind="security", owner="team pay", parts=(CART, PAY)
    )

    assert wanted.fits(feature)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Wanted(kinds=("fix",)), id="another kind"),
        pytest.param(Wanted(owners=("team",)), id="a part of the owner"),
        pytest.param(Wanted(states=("absent",)), id="another state"),
        pytest.param(Wanted(services=("web",)), id="another service"),
        pytest.param(Wanted(text="coupon"), id="text that is nowhere"),
        pytest.param(Wanted(kinds=("security",), text="coupon"), id="only one of two"),
    ],
)
def test_a_feature_that_does_not_fit_is_not_listed(wanted: Wanted):
    feature = a_feature("SHOP-9", title="Gift cards", kind="security", owner="team pay", parts=(CART, PAY))

    assert not wanted.fits(feature)


def test_a_row_has_one_title_whatever_the_environments_say():
    old, new = a_feature(title="gift cards wip", owner="ana"), a_feature(title="Gift cards", owner="bo")

    (row,) = board({"staging": (old,), "uat": (new,), "live": (old,)}, newest="uat")

    assert {(cell.title, cell.owner) for cell in row.cells if cell} == {("Gift cards", "bo")}
    assert row.feature.title == "Gift cards"


def test_what_an_environment_knows_nothing_of_is_absent_and_what_was_never_judged_is_nothing():
    (row,) = board({"staging": (a_feature(parts=(PAY,)),), "live": (), "uat": None})

    staging, live, uat = row.cells
    assert staging is not None
    assert live is not None
    assert (staging.state, live.state, live.parts, uat) == (State.COMPLETE, State.ABSENT, (), None)


def test_security_fixes_come_first_and_numbers_count_as_numbers():
    rows = board({"live": (a_feature("A-10"), a_feature("A-9"), a_feature("A-11", kind="security"))})

    assert [row.feature.id for row in rows] == ["A-11", "A-9", "A-10"]


def test_differing_are_rows_of_other_states_or_other_items():
    third, two_thirds = Part(service="cart", have=1, need=3), Part(service="cart", have=2, need=3)
    some = a_feature("A-3", State.PARTIAL, parts=(third,))
    staging = (a_feature("A-1"), a_feature("A-2"), some)
    live = (a_feature("A-1"), a_feature("A-2", State.ABSENT), some.model_copy(update={"parts": (two_thirds,)}))

    rows = chosen(board({"staging": staging, "live": live, "uat": None}), Wanted(), differing=True)

    assert [row.feature.id for row in rows] == ["A-2", "A-3"]


def test_a_row_fits_where_the_feature_fits_in_any_environment():
    rows = board({"staging": (a_feature("A-1"), a_feature("A-2")), "live": (a_feature("A-1", State.ABSENT),)})

    assert [row.feature.id for row in chosen(rows, Wanted(states=("absent",), text="a-1"))] == ["A-1"]
    assert chosen(rows, Wanted(states=("partial",))) == ()
