"""The verdict is folded from steps and checks; nothing that was not seen counts as proven."""

import pytest

from reversion.conclusion import as_seen, conclude
from reversion.outcome import Back, Check, Fingerprints, Seen, StepResult, Verdict, as_left
from tests.builders import RUN, TAG, a_plan, an_observation, some_findings

RED = Check(name="smoke", passed=False, message="exit code 1")


def seen(**versions: str | None) -> Seen:
    return Seen(observation=an_observation(**versions), features=())


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        pytest.param(some_findings(), Verdict.PROVEN, id="every step proven, every test passed"),
        pytest.param(some_findings(checks=(RED,)), Verdict.TESTS_FAILED, id="a test failed"),
        pytest.param(some_findings(checks=()), Verdict.TESTS_FAILED, id="a test is missing"),
        pytest.param(some_findings(steps=()), Verdict.RESTORE_FAILED, id="a step is missing"),
        pytest.param(some_findings(configuration_problem="no"), Verdict.RESTORE_FAILED, id="configuration failed"),
        pytest.param(
            some_findings(steps=(StepResult(service="cart", state="unreachable", version="1.0.0"),)),
            Verdict.RESTORE_FAILED,
            id="a host was unreachable",
        ),
        pytest.param(
            some_findings(steps=(StepResult(service="cart", state="already there", version="1.0.0"),)),
            Verdict.PROVEN,
            id="nothing had to be done",
        ),
        pytest.param(some_findings(seen=None), Verdict.TESTS_FAILED, id="nothing could be observed after the tests"),
        pytest.param(
            some_findings(seen=seen(cart="7.7.7")), Verdict.TESTS_FAILED, id="it changed while it was tested"
        ),
        pytest.param(
            some_findings(seen=seen(cart="7.7.7"), checks=()), Verdict.RESTORE_FAILED, id="it changed untested"
        ),
    ],
)
def test_the_verdict(findings, verdict):
    assert conclude(a_plan(), findings).verdict is verdict


def test_a_plan_without_tests_is_never_proven():
    plan = a_plan().model_copy(update={"checks": ()})

    outcome = conclude(plan, some_findings(checks=()))

    assert outcome.verdict is Verdict.TESTS_FAILED
    assert "names no production tests" in outcome.message


def test_a_failed_restore_says_where_each_service_is_and_the_way_back():
    failed = StepResult(service="cart", state="failed", version="1.0.0", message="disk full on one")

    message = conclude(a_plan(), some_findings(steps=(failed,))).message

    assert "cart: disk full on one" in message
    assert TAG in message
    assert "on the hosts, since the playbooks are the snapshot's, and let the run go on" in message
    assert "'reversion retry 1208499b'" in message
    assert "'reversion retry 1208499b --back'" in message


def test_red_tests_name_the_command_that_goes_back():
    assert (
        f"go back to {TAG} with 'reversion undo 1208499b'."
        in conclude(a_plan(), some_findings(checks=(RED,))).message
    )


FAILED = StepResult(service="cart", state="failed", version="1.0.0", message="disk full on one")
AT_OLD = StepResult(service="cart", state="restored", version="1.1.0")


def test_going_back_to_the_safety_snapshot_ends_as_returned_and_says_why():
    outcome = conclude(a_plan(), some_findings(steps=(FAILED,), checks=(), back=Back(steps=(AT_OLD,))))

    assert outcome.verdict is Verdict.RETURNED
    assert f"staging is back at {TAG}, as it was before the reversion: cart: disk full on one." in outcome.message


@pytest.mark.parametrize(
    "back", [Back(problem="the host is gone"), Back(steps=(FAILED,))], ids=["no way back", "a service failed"]
)
def test_a_way_back_that_fails_is_a_failed_restore_and_both_failures_are_told(back):
    outcome = conclude(a_plan(), some_findings(steps=(FAILED,), checks=(), back=back))

    assert outcome.verdict is Verdict.RESTORE_FAILED
    assert "cart: disk full on one" in outcome.message
    assert "The way back to the safety snapshot failed too: " in outcome.message


def test_what_a_person_left_out_makes_it_proven_in_part_and_is_named_with_the_reason():
    left_out = StepResult(service="cart", state="left out", version="1.0.0")

    outcome = conclude(a_plan(), some_findings(steps=(left_out,), seen=seen(cart="1.1.0")))

    assert outcome.verdict is Verdict.PROVEN_IN_PART
    assert "0 services proven" in outcome.message
    assert "Ana left out cart (OPS-1)" in outcome.message


def test_another_environment_that_changed_is_named():
    live = Fingerprints(environment="live", before="1", after="2")

    assert (
        "Observed otherwise than before, or unreadable: live."
        in conclude(a_plan(), some_findings(others=(live,))).message
    )


def test_an_unreadable_environment_does_not_count_as_unchanged():
    assert not Fingerprints(environment="live", before="", after="").is_unchanged


def test_what_changed_while_it_was_tested_is_named_with_what_runs():
    outcome = conclude(a_plan(), some_findings(seen=seen(cart="7.7.7")))

    assert "must not be pushed live: changed while it was tested: cart (it runs 7.7.7)." in outcome.message
    assert "runs reversion/" not in outcome.message
    assert [step.state for step in outcome.steps] == ["failed"]


@pytest.mark.parametrize(
    ("last", "state"),
    [
        pytest.param(seen(cart="1.0.0"), "restored", id="it runs what was wanted"),
        pytest.param(seen(cart="7.7.7"), "failed", id="it runs something else"),
        pytest.param(seen(cart=None), "failed", id="it could not be read"),
        pytest.param(seen(web="1.0.0"), "failed", id="it is nowhere"),
        pytest.param(None, "failed", id="nothing was seen"),
    ],
)
def test_a_proof_holds_only_as_long_as_the_version_is_seen(last, state):
    (step,) = as_seen(some_findings().steps, last)

    assert step.state == state


def test_only_where_no_attempt_came_so_far_nothing_was_changed():
    assert as_left("staging", RUN, "") == "Nothing was changed."
    assert as_left("staging", RUN, TAG) == (
        "staging is as the earlier attempt left it; the way back from there is 'reversion undo 1208499b'."
    )
