"""Which services can come now is told by what has come and what is proven."""

import pytest

from reversion.readiness import Board

AFTER = {"cart": (), "pay": (), "web": ("cart",)}


def a_board(
    *, came: tuple[str, ...] = (), proven: tuple[str, ...] = (), there: frozenset[str] = frozenset()
) -> Board:
    board = Board(AFTER, there)
    for service in came:
        board.came(service)
    for service in proven:
        board.is_proven(service)
    return board


@pytest.mark.parametrize(
    ("board", "expecting"),
    [
        pytest.param(a_board(), True, id="those that wait for nobody"),
        pytest.param(a_board(came=("cart",)), True, id="another one that waits for nobody"),
        pytest.param(a_board(came=("cart", "pay")), False, id="what waits for one that is not proven does not come"),
        pytest.param(a_board(came=("cart", "pay"), proven=("cart",)), True, id="it comes when that is proven"),
        pytest.param(a_board(came=("cart", "pay", "web"), proven=("cart",)), False, id="all have come"),
        pytest.param(a_board(came=("pay",), there=frozenset({"cart"})), True, id="what is there counts as proven"),
    ],
)
def test_who_is_expected(board: Board, expecting: bool):
    assert board.is_expecting() is expecting


def test_nobody_waits_for_what_has_failed():
    board = a_board(came=("cart", "pay"))

    assert not board.is_expecting()
