"""Start a reversion and follow it: what `reversion revert`, `undo` and `retry` have in common."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import click

from reversion.adapters.approvals import Approvals
from reversion.adapters.runs import Wanted
from reversion.commands.asking import AskTerminal, GiveAnswer
from reversion.commands.following import Ask, follow
from reversion.commands.printing import note, print_json
from reversion.errors import InvalidInput
from reversion.history import Answer, RunRecord, how_to_answer

as_option = click.option("--as", "name", default="", metavar="NAME", help="Who decides.")
reason_option = click.option("--reason", default="", help="Why, or a ticket.")
acknowledge_option = click.option("--acknowledge", is_flag=True, help="The plan's warnings have been read.")
without_option = click.option(
    "--without",
    "leave_out",
    multiple=True,
    metavar="SERVICE",
    help="Leave it as it is; needs --reason. May be repeated.",
)
back_option = click.option("--back", "go_back", is_flag=True, help="Go back to how it was before the run began.")
_OPTIONS = (
    reason_option,
    click.option("--wait/--no-wait", default=True, help="Follow the run to its end, or only start it."),
    click.option("--yes", is_flag=True, help="Approve without asking; needs --as."),
    as_option,
    acknowledge_option,
    click.option("--json", "as_json", is_flag=True, help="Print how it ended as JSON."),
)


def check_reason(leave_out: tuple[str, ...], reason: str) -> None:
    """Raise InvalidInput where services are left out and nobody says why."""
    if leave_out and not reason:
        raise InvalidInput("Leaving a service out needs a reason.", "Say why with --reason.")


class Options:
    """How to start and follow; checked before anything is started."""

    def __init__(self, **options: Any) -> None:
        self.wait: bool = options["wait"]
        self.yes: bool = options["yes"]
        self.acknowledge: bool = options["acknowledge"]
        self.as_json: bool = options["as_json"]
        self.name: str = options["name"]
        self.leave_out: tuple[str, ...] = tuple(options.get("leave_out", ()))
        self.go_back: bool = options.get("go_back", False)
        if self.yes and not self.name:
            raise InvalidInput("An approval needs a name.", "Say who approves with --as NAME.")

    def ask(self, reason: str) -> Ask | None:
        """Return what gets the approval: the command line, the terminal, or nothing here."""
        if self.yes:
            answer = Answer(approve=True, approver=self.name, reason=reason, acknowledge=self.acknowledge)
            return GiveAnswer(self._wanted(answer))
        return AskTerminal(self._wanted, self.name) if sys.stdin.isatty() else None

    def _wanted(self, answer: Answer) -> Answer:
        """Add to an answer what the command line says of how to go on."""
        return answer.model_copy(update={"leave_out": self.leave_out, "go_back": self.go_back})


def with_start_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of starting and following."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def start(approvals: Approvals, wanted: Wanted, options: Options) -> int:
    """Start a reversion, follow it unless told otherwise, and return the exit code of how it ended."""
    run_id = approvals.runs.start(wanted, key=str(uuid4()), is_checked=True)
    note(f"Run {run_id[:8]}: {wanted.environment} to {wanted.snapshot}")
    note(f"In the browser: {approvals.runs.page(run_id)}")
    say_who_answers(approvals, run_id, options)
    return follow_to_end(approvals, run_id, options, reason=wanted.reason)


def say_who_answers(approvals: Approvals, run_id: str, options: Options) -> None:
    """Say where the run's question is answered, where that is not done here."""
    if options.ask("") is None:
        note(f"It will wait for an answer given elsewhere: {how_to_answer(run_id, approvals.runs.page(run_id))}")


def follow_to_end(
    approvals: Approvals, run_id: str, options: Options, *, reason: str, since: datetime | None = None
) -> int:
    """Follow a run unless told otherwise, from its states after `since` on; return the exit code of how it ended."""
    if not options.wait:
        _print(approvals.runs.status(run_id), options.as_json)
        return 0
    try:
        ended = follow(approvals, run_id, options.ask(reason), since)
    except KeyboardInterrupt:
        note("No longer following. The run is left as it is; to see how it stands, and to answer it:")
        for verb in ("history", "approve", "reject"):
            note(f"  reversion {verb} {run_id[:8]}")
        return 1
    _print(ended, options.as_json)
    return ended.state.exit_code


def _print(run: RunRecord, as_json: bool) -> None:
    if as_json:
        print_json({"result": run.told, "run": run})
    elif run.state.is_final:
        print(f"{run.told}: {run.state.message}" if run.state.message else run.told)
    else:
        print(run.id)
