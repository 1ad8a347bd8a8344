"""What a run says is bounded for each host, and questions are told from pauses."""

import pytest

from reversion.adapters.ansible_output import Lines
from reversion.adapters.ansible_questions import Questions

PAUSE = ("runner_on_start", {"host": "cart@one", "task": "Wait", "task_action": "pause"}, "")
PROMPT = ("verbose", {}, "[Wait]\r\nGo on?:")


def test_of_ten_thousand_lines_about_a_host_500_are_said_and_the_others_counted() -> None:
    said: list[str] = []
    lines = Lines(lambda _, line: said.append(line))

    for number in range(10_000):
        lines.say("cart@one", f"line {number}")
    lines.say("web@one", "its only line")
    lines.end()

    assert len(said) == 502
    assert said[499:] == ["line 499", "its only line", "cart@one: 9500 further lines were left out."]


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        pytest.param([PAUSE, PROMPT], "task 'Wait' waits for somebody to press a key", id="a prompt"),
        pytest.param([PAUSE, ("verbose", {}, "Pausing for 2 seconds"), PROMPT], "", id="a pause with a text"),
        pytest.param([PAUSE, ("runner_on_ok", {}, ""), PROMPT], "", id="a pause that is over"),
        pytest.param([PROMPT], "", id="a text that looks like a prompt"),
        pytest.param(
            [("playbook_on_vars_prompt", {"varname": "region"}, "")],
            "the playbook asks for the variable 'region' (vars_prompt)",
            id="a variable",
        ),
    ],
)
def test_only_what_waits_for_somebody_is_a_question(events, asked) -> None:
    questions = Questions()

    for event in events:
        questions.hear(*event)

    assert questions.asked == asked
