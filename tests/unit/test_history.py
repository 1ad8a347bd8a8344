"""How the states of a run are told in words."""

from datetime import UTC, datetime

import pytest

from reversion import report
from reversion.conclusion import conclude
from reversion.history import UNANSWERED, Moment, RunRecord, how_to_answer, in_our_words, lines_of
from reversion.outcome import Verdict
from tests.builders import RUN, TAG, a_plan, some_findings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_moment(kind: str, name: str = "", message: str = "") -> Moment:
    return Moment(at=NOON, kind=kind, name=name or kind.capitalize(), message=message)


@pytest.mark.parametrize(
    ("moment", "told", "code"),
    [
        pytest.param(a_moment("COMPLETED", "Proven"), "Proven", 0, id="proven is success"),
        pytest.param(a_moment("FAILED", "Tests failed"), "Tests failed", 1, id="red tests say no"),
        pytest.param(a_moment("FAILED", "Restore failed"), "Restore failed", 3, id="a failed restore broke"),
        pytest.param(a_moment("CANCELLED", "Rejected"), "Rejected", 1, id="a rejection says no"),
        pytest.param(a_moment("CANCELLED", "Void"), "Void", 1, id="a void plan says no"),
        pytest.param(a_moment("CANCELLED", "Refused"), "Refused", 1, id="a refusal says no"),
        pytest.param(a_moment("CANCELLED"), "Cancelled", 1, id="somebody cancelled it"),
        pytest.param(a_moment("CRASHED"), "Crashed", 3, id="a crash broke"),
        pytest.param(a_moment("FAILED"), "Failed", 3, id="an error broke"),
        pytest.param(
            a_moment("FAILED", message="The flow was paused and never resumed."),
            Verdict.EXPIRED,
            1,
            id="silence is an expiry, not a failure",
        ),
        pytest.param(a_moment("COMPLETED"), "Completed", 3, id="an end without verdict proves nothing"),
    ],
)
def test_every_end_has_its_word_and_its_exit_code(moment: Moment, told: str, code: int):
    assert moment.is_final
    assert (moment.told, moment.exit_code) == (told, code)


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (a_moment("PAUSED", "Suspended"), "Waits for approval"),
        (a_moment("SCHEDULED", "Resuming"), "Resuming"),
        (a_moment("SCHEDULED", "Late"), "Scheduled"),
        (a_moment("PENDING", "Submitting"), "Starting"),
        (a_moment("RUNNING", "Retrying"), "Running"),
        (a_moment("CANCELLING"), "Cancelling"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_goes_on_is_told_as_what_it_means(moment: Moment, told: str):
    assert not moment.is_final
    assert moment.told == told


def test_what_still_runs_cannot_pass_for_a_verdict():
    assert a_moment("RUNNING", "Proven").told == "Running"
    assert a_moment("RUNNING", message="never resumed").told == "Running"


def test_control_characters_go_and_lines_and_indentation_stay():
    told = lines_of("# Plan\n\n- a\n  - b\x1b[31m red\x1b[0m\u202e\x07")

    assert told == "# Plan\n\n- a\n  - b red"


def test_how_to_answer_is_told_as_commands_that_can_be_typed():
    assert how_to_answer("1208499b-3d46", "http://x/runs/1", acknowledge=True) == (
        "reversion approve 1208499b --as NAME --acknowledge, or reversion reject 1208499b --as NAME, or at http://x/runs/1"
    )


SILENCE = in_our_words(a_moment("FAILED", message="The flow was paused and never resumed."))
A_RECORD = report.record(conclude(a_plan(), some_findings()))


@pytest.mark.parametrize(
    ("attempts", "record", "left"),
    [
        pytest.param(1, None, "Nothing was changed.", id="the first attempt"),
        pytest.param(2, A_RECORD, "staging is as the earlier attempt left it; ", id="a retry"),
        pytest.param(2, None, "The retry changed nothing; what an earlier attempt changed ", id="after a crash"),
    ],
)
def test_a_silence_says_what_it_leaves_and_how_to_start_anew(attempts: int, record: report.Record | None, left: str):
    run = RunRecord(id=RUN, name="r", environment="staging", snapshot=TAG, state=SILENCE, record=record)

    told = run.explained(attempts)

    assert (told.told, told.state.exit_code) == (Verdict.EXPIRED, 1)
    assert told.state.message.startswith(f"{UNANSWERED} {left}")
    assert ("reversion undo 1208499b" in told.state.message) is (attempts > 1)
    assert told.state.message.endswith(f" To start anew: reversion revert staging {TAG}")


def test_what_is_no_silence_keeps_its_words():
    run = RunRecord(
        id=RUN, name="r", environment="staging", snapshot=TAG, state=a_moment("FAILED", message="Disk full")
    )

    assert run.explained(2) == run
