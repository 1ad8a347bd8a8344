"""What an examination found: a line each."""

from typing import Literal

from reversion.text import Value, plain


class Finding(Value):
    """One thing that was looked at; `todo` is the mend."""

    subject: str
    state: Literal["ok", "warn", "fail"]
    message: str
    todo: str = ""


def ok(subject: str, message: str) -> Finding:
    return Finding(subject=subject, state="ok", message=message)


def warn(subject: str, message: str, todo: str) -> Finding:
    """Tell of what works less well than it could."""
    return Finding(subject=subject, state="warn", message=plain(message, 1000), todo=plain(todo, 500))


def fail(subject: str, message: str, todo: str) -> Finding:
    """Tell of what keeps a reversion from working. Several lines stay several."""
    told = "\n".join(plain(line, 1000) for line in message.splitlines())
    return Finding(subject=subject, state="fail", message=told, todo=plain(todo, 500))
