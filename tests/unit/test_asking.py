"""The answer that the command line gives to a review."""

import pytest

from reversion.commands.asking import GiveAnswer
from reversion.errors import Refused
from reversion.history import Answer, Review
from tests.builders import RUN


def a_review(**changes: object) -> Review:
    return Review(run=RUN, text="# Review", plan="0123456789ab").model_copy(update=changes)


def an_answer(**changes: object) -> Answer:
    return Answer(approve=True, approver="Ana").model_copy(update=changes)


def test_warnings_that_nobody_acknowledged_are_not_approved():
    with pytest.raises(Refused, match=r"reversion approve 1208499b --as NAME --acknowledge"):
        GiveAnswer(an_answer())(a_review(asks_acknowledgement=True), lambda: True)


@pytest.mark.parametrize(
    ("review", "answer"),
    [
        pytest.param(a_review(), an_answer(), id="no warnings"),
        pytest.param(a_review(asks_acknowledgement=True), an_answer(acknowledge=True), id="acknowledged"),
        pytest.param(a_review(asks_acknowledgement=True), an_answer(approve=False), id="a rejection"),
    ],
)
def test_every_other_answer_is_given_as_it_is(review: Review, answer: Answer):
    assert GiveAnswer(answer)(review, lambda: True) == answer
