"""What people read shows losses first, hides nothing and executes nothing."""

from reversion import report
from reversion.features.values import Comparison, Feature, Part, State
from reversion.outcome import Case, Check, conclude
from tests.builders import a_change, a_plan, an_approval, some_findings

LOST = a_change("SHOP-9", State.COMPLETE, State.ABSENT)
REGAINED = a_change("SHOP-1", State.ABSENT, State.COMPLETE)


def test_losses_come_before_gains():
    text = report.review(a_plan(comparison=Comparison(lost=(LOST,), regained=(REGAINED,))))

    assert text.index("You will lose (1)") < text.index("You will regain (1)")


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


def test_the_console_groups_by_state_and_never_hides_unknown():
    features = (
        Feature(id="A-1", title="Gift cards", state=State.COMPLETE, parts=(Part(service="cart", have=2, need=2),)),
        Feature(id="A-2", title="Search", state=State.UNKNOWN),
        Feature(id="A-3", title="Later", state=State.ABSENT),
    )

    text = report.console("shop", "staging", features, "now")

    assert "### Complete (1)" in text
    assert "cart 2/2" in text
    assert "### Unknown (1)" in text
    assert "1 feature is not in this environment yet." in text


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
