"""What people read shows losses first, hides nothing and executes nothing."""

import json

import pytest

from reversion import report
from reversion.conclusion import conclude
from reversion.features.values import Comparison, State
from reversion.outcome import Case, Check
from tests.builders import a_change, a_plan, an_approval, some_findings

LOST = a_change("SHOP-9", State.COMPLETE, State.ABSENT)
REGAINED = a_change("SHOP-1", State.ABSENT, State.COMPLETE)


def test_losses_come_before_gains():
    text = report.review(a_plan(comparison=Comparison(lost=(LOST,), regained=(REGAINED,))))

    assert text.index("You will lose (1)") < text.index("You will regain (1)")


def test_what_the_snapshot_says_otherwise_is_told_beside_what_is_judged_now():
    partial = a_change("SHOP-9", State.COMPLETE, State.PARTIAL, when_taken=State.COMPLETE)
    kept = a_change("SHOP-1", State.PARTIAL, State.PARTIAL, when_taken=State.COMPLETE)
    same = a_change("SHOP-2", State.COMPLETE, State.COMPLETE)

    text = report.review(a_plan(comparison=Comparison(made_partial=(partial,), kept=(kept, same))))

    assert "complete to partial, complete when taken" in text
    assert "2 features stay as they are" in text
    assert "### Kept, and not what the snapshot says (1)" in text
    assert "partial to partial, complete when taken" in text
    assert "SHOP-2" not in text


def test_a_revert_that_may_have_kept_a_part_is_told_with_the_state_that_it_decides():
    lost = a_change("SHOP-9", State.COMPLETE, State.WITHDRAWN, check=True)
    back = a_change("SHOP-1", State.ABSENT, State.COMPLETE, check=True)

    text = report.review(a_plan(comparison=Comparison(lost=(lost,), resurrected=(back,))))

    assert "complete to withdrawn (check)" in text
    assert "absent to complete, reverted (check)" in text


def test_the_review_names_the_digest_of_the_plan():
    plan = a_plan()

    assert f"Plan `{plan.digest[:12]}`" in report.review(plan)


def test_a_title_cannot_break_out_of_its_cell():
    hostile = a_change(
        "SHOP-9", State.COMPLETE, State.ABSENT, title="a | b <script>alert(1)</script> [x](javascript:y)"
    )

    text = report.review(a_plan(comparison=Comparison(lost=(hostile,))))

    assert "<script>" not in text
    assert "a \\| b" in text
    assert r"\[x\](javascript" in text


def test_a_url_that_could_break_the_link_is_not_linked():
    odd = a_change("SHOP-9", State.COMPLETE, State.ABSENT, url="https://x.example/) [click](https://evil.example")

    assert "evil.example" not in report.review(a_plan(comparison=Comparison(lost=(odd,))))


def test_what_a_long_group_leaves_out_is_counted():
    many = tuple(a_change(f"SHOP-{n}", State.COMPLETE, State.ABSENT) for n in range(report.ROWS + 7))

    text = report.review(a_plan(comparison=Comparison(lost=many)))

    assert f"You will lose ({report.ROWS + 7})" in text
    assert "... and 7 more" in text


def test_a_test_without_a_report_is_one_row():
    rows = report.check_rows(
        (
            Check(name="smoke", passed=True),
            Check(name="pay", passed=False, cases=(Case(name="t", state="failed"),)),
        )
    )

    assert [(row.test, row.case, row.state) for row in rows] == [
        ("smoke", "(whole)", "passed"),
        ("pay", "t", "failed"),
    ]


def test_of_thousands_of_cases_the_failed_ones_are_kept_and_the_rest_counted():
    passed = tuple(Case(name=f"t{number}", state="passed") for number in range(3000))
    check = Check(name="smoke", passed=False, cases=(*passed, Case(name="pays", state="failed")))

    rows = report.check_rows((check,))

    assert len(rows) == 501
    assert rows[0].case == "pays"
    assert rows[-1].case.startswith("2501 more cases")


def test_cells_of_table_artifacts_are_escaped_since_they_are_shown_as_markdown():
    hostile = "[x](javascript:alert(1)) <img src=x>"

    (row,) = report.check_rows((Check(name="smoke", passed=False, message=hostile),))

    assert row.message == r"\[x\](javascript:alert(1)) &lt;img src=x&gt;"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_record_comes_back_as_it_was_whatever_its_text(as_text: bool):
    told = {"approver": "Ana <a@b.example>", "reason": r"[x](y) \_ &amp; | see https://t.example/1", "message": "- a"}
    record = report.record(conclude(a_plan(), some_findings())).model_copy(update=told)

    rows = [record.row()]

    assert "](" not in str(rows[0]["reason"]).replace(r"\](", "")
    assert report.Record.read(json.dumps(rows) if as_text else rows) == record


@pytest.mark.parametrize("data", ["no json", "[]", [{"verdict": "Proven"}], None, 7, [1, 2]])
def test_what_somebody_else_wrote_is_no_record(data: object):
    assert report.Record.read(data) is None


def test_the_record_counts_what_happened():
    record = report.record(conclude(a_plan(), some_findings()))

    assert (record.verdict, record.services_restored, record.tests_passed) == ("Proven", 1, 1)
    assert record.approver == "Ana"


def test_the_approval_shows_name_reason_and_whole_digest():
    plan = a_plan()

    text = report.approval(plan, an_approval())

    assert "Ana" in text
    assert "OPS-1" in text
    assert plan.digest in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(
            {"reason": "OPS-1", "asked": "alert"}, "Approved by Ana: OPS-1.", id="the approver's own reason"
        ),
        pytest.param({"reason": "", "asked": "alert"}, "Approved by Ana; asked for because: alert.", id="the run's"),
        pytest.param({"reason": "", "asked": ""}, "Approved by Ana: no reason given.", id="none"),
    ],
)
def test_the_outcome_says_why(given, told):
    outcome = conclude(a_plan(), some_findings(approval=an_approval(**given)))

    assert told in report.outcome(outcome)
