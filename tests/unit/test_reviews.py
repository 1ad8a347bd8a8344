"""The review fits the approval form whatever its plan's size, security first, and says where the rest is."""

from typing import Any

import pytest

from reversion import report
from reversion.candidates import Nearer
from reversion.features.values import Change, Comparison, State
from reversion.plan import FileChange, Plan
from tests.builders import a_change, a_plan


def losses(count: int, security: int = 0, **given: Any) -> tuple[Change, ...]:
    """Security fixes first, as a comparison has them."""
    return tuple(
        a_change(
            f"SHOP-{number}",
            State.COMPLETE,
            State.ABSENT,
            **({"kind": "security"} if number < security else {}),
            **given,
        )
        for number in range(count)
    )


def a_large_plan() -> Plan:
    """2,000 features are lost, 120 of them security fixes, each of which warns; 800 files change."""
    files = tuple(FileChange(path=f"group_vars/{number}.yml", change="changed") for number in range(800))
    return a_plan(comparison=Comparison(lost=losses(2000, security=120)), configuration=files)


def test_a_small_review_is_one_page_and_nothing_is_left_out():
    (page,) = report.review_pages(a_plan(comparison=Comparison(lost=losses(50))))

    assert "more" not in page.text
    assert "SHOP-49" in page.text


def test_a_form_for_two_thousand_changes_is_bounded_and_shows_security_first():
    form = report.review_pages(a_large_plan())[0].text

    assert len(form) < 40_000
    assert "You will lose (2000, 120 security fixes)" in form
    assert form.index("SHOP-0 ") < form.index("SHOP-49 ")
    assert "SHOP-50 " not in form
    assert form.count("is undone") == report.ROWS_IN_FORM


def test_what_the_form_leaves_out_is_counted_and_its_pages_have_all():
    form, *rest = report.review_pages(a_large_plan())

    assert "... and 1950 more; `plan-staging-features` among this run's artifacts has them all." in form.text
    assert "... and 70 more; `plan-staging-warnings` among this run's artifacts has them all." in form.text
    assert "... and 750 more; `plan-staging-files` among this run's artifacts has them all." in form.text
    features = "".join(page.text for page in rest if page.key.startswith("plan-staging-features"))
    assert all(f"| SHOP-{number} " in features for number in range(2000))
    assert "".join(page.text for page in rest).count("is undone") == 120
    assert max(len(page.text) for page in rest) < 100_000


def test_each_change_on_the_pages_says_what_becomes_of_it():
    many = losses(60)
    regained = (a_change("PAY-1", State.ABSENT, State.COMPLETE),)

    pages = report.review_pages(a_plan(comparison=Comparison(lost=many, regained=regained)))

    assert "| feature: absent to complete | You will regain |" in pages[1].text


def test_the_form_and_its_record_are_one_text():
    plan = a_large_plan()

    assert report.review_pages(plan, "OPS-7")[0].text == report.review_pages(plan, "OPS-7")[0].text
    assert f"Plan `{plan.digest[:12]}`" in report.review_pages(plan)[0].text


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        pytest.param(
            Nearer(tag="reversion/staging/near", losses=("SHOP-0", "SHOP-3"), security=1),
            "takes away only 2 of these 4 (1 security fix): SHOP-0, SHOP-3.",
            id="some",
        ),
        pytest.param(None, "", id="none"),
    ],
)
def test_a_nearer_snapshot_is_named_with_what_it_takes_away(hint: Nearer | None, told: str):
    text = report.review(a_plan(comparison=Comparison(lost=losses(4, security=1))), hint=hint)

    assert ("**Nearer:**" in text) is bool(hint)
    assert told in text


def test_the_nearer_snapshot_does_not_change_what_is_approved():
    plan = a_plan(comparison=Comparison(lost=losses(4)))
    hint = Nearer(tag="reversion/staging/near", losses=("SHOP-0",))

    with_hint, without = report.review(plan, hint=hint), report.review(plan)

    assert with_hint != without
    assert with_hint.splitlines()[-1] == without.splitlines()[-1] == f"Plan `{plan.digest[:12]}`."


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "[x](javascript:y)", "https://evil.example", "a\n# b"]
)
def test_hostile_titles_stay_text_on_every_page_of_a_review(hostile: str):
    plan = a_plan(comparison=Comparison(lost=losses(60, title=hostile)))

    for page in report.review_pages(plan, asked=hostile):
        text = page.text.replace(r"\](", "").replace("](/artifacts/", "")
        assert "<script" not in text
        assert "](" not in text
        assert "https://evil" not in text
        assert "\n# b" not in text
