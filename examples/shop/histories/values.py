"""What a service's history is written in: changes, reverts and picks, each possibly released."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace a text that occurs once in `service.py`."""

    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """A commit on main. `release` tags a version right after it."""

    subject: str
    edits: tuple[Edit, ...] = ()
    feature: str = ""
    author: str = "Ana"
    files: tuple[tuple[str, str], ...] = ()
    release: str = ""


@dataclass(frozen=True)
class Revert:
    """Take back the commit on main with this subject."""

    subject: str
    because: str
    author: str = "Dana"
    release: str = ""


@dataclass(frozen=True)
class Pick:
    """Copy the commit with this subject to the release branch that starts at version `onto`."""

    subject: str
    onto: str
    release: str
    author: str = "Chen"


History = tuple[Change | Revert | Pick, ...]


def added(service: str, code: str) -> Edit:
    """Return the edit that adds code at the end, before the service is started."""
    start = f'if __name__ == "__main__":\n    serve("{service}")\n'
    return Edit(start, f"{code.strip()}\n\n\n{start}")
