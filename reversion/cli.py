"""The `reversion` command: finds the command that was asked for, and turns errors into sentences and exit codes."""

import gc
import importlib
import sys
import tempfile
import traceback
from typing import Any, NoReturn

import click

from reversion import __version__
from reversion.errors import ReversionError

COMMANDS = {
    "demo": ("demo", "Build the example shop and tell the whole story on this machine."),
    "init": ("init", "Write a commented reversion.yaml from a product's Ansible inventories."),
    "doctor": ("doctor", "Check a product wholly and say what to mend."),
    "observe": ("observe", "Show which version of each service runs on each host."),
    "snapshot": ("snapshot", "Take a snapshot of what an environment runs now."),
    "snapshots": ("snapshots", "List the newest snapshots."),
    "show": ("show", "Show one snapshot whole."),
    "features": ("features", "Show the features that an environment has."),
    "compare": ("compare", "Compare the features of two commits, tags or snapshots."),
    "why": ("why", "Explain a feature's state by the commits that decide it."),
    "board": ("features", "Show features against environments."),
    "find": ("find", "Find the snapshot that takes least away."),
    "index": ("index", "Bring the index of histories up to date, or rebuild it."),
    "plan": ("plan", "Review what a reversion would do; changes nothing."),
    "revert": ("runs", "Start a reversion and follow it."),
    "retry": ("going_on", "Let a reversion that failed go on, all of it, in part, or back; asks again."),
    "resume": ("going_on", "Let a reversion that crashed go on with the approval it has."),
    "approve": ("runs", "Approve a reversion that waits for it."),
    "reject": ("runs", "Reject a reversion that waits for approval."),
    "undo": ("runs", "Plan the way back to how it was before a reversion."),
    "history": ("history", "Read the history of reversions back."),
    "locks": ("locks", "Show which run has each environment, and what is on hold."),
    "unlock": ("locks", "Free an environment from a run that is stuck."),
    "hold": ("holds", "Hold deployments to an environment off."),
    "release": ("holds", "End the holds of an environment."),
    "check": ("holds", "Ask whether something may be deployed to an environment."),
    "serve": ("serve", "Run server, worker and deployments on this machine."),
}


class _Commands(click.Group):
    """Commands by name; a command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reversion.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--product",
    "-p",
    envvar="REVERSION_PRODUCT",
    default=".",
    show_default=True,
    metavar="PATH",
    help="The master product repository, or a folder inside it.",
)
@click.version_option(__version__, prog_name="reversion")
@click.pass_context
def cli(ctx: click.Context, product: str) -> None:
    """Take one environment, and only that one, back to a stable snapshot.

    Exit codes: 0 done, 1 the job said no, 2 wrong use or input, 3 the outside world failed.
    """
    ctx.obj = product


def unhindered() -> None:
    """Look for circles of objects rarely: whole histories are held at once, and hold none."""
    gc.set_threshold(200_000, 20, 50)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; an expected error is one sentence on standard error."""
    unhindered()
    try:
        answer: Any = cli.main(args=arguments, prog_name="reversion", standalone_mode=False)
        sys.exit(answer if isinstance(answer, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("reversion: stopped.", err=True)
        sys.exit(1)
    except ReversionError as error:
        click.echo(f"reversion: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        click.echo(f"reversion: {_unforeseen(error)}", err=True)
        sys.exit(3)


def _unforeseen(error: Exception) -> str:
    """Keep the traceback in a file, and say in a sentence what happened and where that file is."""
    with tempfile.NamedTemporaryFile("w", prefix="reversion-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return f"An error that nobody foresaw: {type(error).__name__}: {str(error)[:200]}. Report it with {file.name}"


if __name__ == "__main__":
    main()
