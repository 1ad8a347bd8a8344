"""Who does something, and why: what `reversion hold`, `release` and `unlock` ask for."""

import getpass
from collections.abc import Callable
from typing import Any

import click

from reversion.holds import Reason


def with_reason(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --reason and --as."""
    command = click.option("--as", "name", default="", metavar="NAME", help="Who does it.  [default: your login]")(
        command
    )
    return click.option("--reason", required=True, help="Why, for the history: a ticket, say.")(command)


def given(name: str, reason: str) -> Reason:
    """Return who does it and why; without a name, the login's."""
    return Reason.given(name or _login(), reason)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
