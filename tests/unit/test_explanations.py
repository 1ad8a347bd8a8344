"""What is written of why features are in their states is short enough to be shown, and executes nothing."""

import pytest

from reversion import report
from reversion.features.explaining import Explanation, Item, Role, Share, Witness
from reversion.features.values import Feature, State
from reversion.report import explanations as pages
from tests.builders import a_plan


def a_witness(role: Role = "change", **given: object) -> Witness:
    fields = {"commit": "a" * 40, "subject": "Gift cards", "role": role, "is_there": True, "counts": True} | given
    return Witness.model_validate(fields)


def an_item(*witnesses: Witness, why: str = "in effect") -> Item:
    return Item(in_effect=why == "in effect", is_needed=True, why=why, witnesses=witnesses or (a_witness(),))


def an_explanation(name: str = "SHOP-1", *items: Item, state: State = State.COMPLETE, **given: object) -> Explanation:
    """One feature in cart, which runs 1.1.0."""
    share = Share.model_validate(
        {"service": "cart", "version": "1.1.0", "have": 1, "need": 1, "items": items or (an_item(),)} | given
    )
    return Explanation(feature=Feature(id=name, title="Gifts", state=state), place="in staging", shares=(share,))


def test_each_commit_says_what_it_does_and_whether_it_counts() -> None:
    item = an_item(
        a_witness(first="v1.0"),
        a_witness("pick", is_there=False),
        a_witness("revert", is_whole=False),
        a_witness("restore", counts=False),
    )

    text = report.explanation(an_explanation("SHOP-1", item))

    rows = [line.split(" | ")[1:] for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        ["Gift cards", "in effect", "v1.0 |"],
        ["picked: Gift cards", "not there", "no version yet |"],
        ["takes it back: Gift cards (check)", "counts", "no version yet |"],
        ["brings it back: Gift cards", "undone by a later one", "no version yet |"],
    ]


@pytest.mark.parametrize(("is_whole", "told"), [(True, False), (False, True), (None, True)])
def test_a_revert_that_is_not_known_to_be_whole_is_to_be_checked(is_whole: bool | None, told: bool) -> None:
    item = an_item(a_witness(), a_witness("revert", is_whole=is_whole))

    assert ("(check)" in report.explanation(an_explanation("SHOP-1", item))) is told


def test_what_is_not_known_is_told_with_the_reason() -> None:
    text = report.explanation(an_explanation(unknown=True, problem="connection refused"))

    assert "cart 1.1.0: not known" in text
    assert "Connection refused." in text


def test_a_subject_can_not_break_out_of_its_cell() -> None:
    text = report.explanation(an_explanation("SHOP-1", an_item(a_witness(subject="a | <script> [x](javascript:y)"))))

    assert "a \\| &lt;script" in text
    assert r"\[x\](javascript" in text


def test_a_plan_explains_each_feature_before_and_after() -> None:
    before = an_explanation()
    after = an_explanation("SHOP-1", an_item(why="not in this version"), state=State.ABSENT, have=0, version="1.0.0")

    page = report.reasons_page(a_plan(), ((before, after),))

    assert page.key == "why-staging"
    assert "**complete** now, **absent** afterwards." in page.text
    assert "cart 1.1.0: has 1 of 1; afterwards 1.0.0: has 0 of 1" in page.text
    assert "| Gift cards | in effect | not in this version |" in page.text


def test_a_service_that_stays_as_it_is_is_told_once() -> None:
    page = report.reasons_page(a_plan(), ((an_explanation(), an_explanation()),))

    assert "Now and afterwards" in page.text


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST", 2_000)
    many = tuple((one, one) for one in map(an_explanation, (f"SHOP-{n}" for n in range(50))))

    text = report.reasons_page(a_plan(), many).text

    shown = text.count("### SHOP-")
    assert len(text) < 2_200
    assert 0 < shown < 50
    assert f"... and {50 - shown} more features" in text


def test_of_a_feature_with_very_many_commits_the_rest_is_counted() -> None:
    one = an_explanation("SHOP-1", *(an_item() for _ in range(30)))

    assert "... and 10 more commits." in report.reasons_page(a_plan(), ((one, one),)).text


def test_the_form_links_the_page_that_explains_and_the_terminal_names_the_command() -> None:
    plan = a_plan()

    form = report.review_pages(plan, reasons="/artifacts/artifact/7")[0].text

    assert "[why-staging](/artifacts/artifact/7)" in form
    assert "why-staging" not in report.review_pages(plan)[0].text
    assert "**Why:** `reversion why FEATURE staging`" in report.review(plan)
