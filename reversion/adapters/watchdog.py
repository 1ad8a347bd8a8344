"""Ends what a job has left running, and removes its directory, when the process that does the job dies.

The watchdog is a process whose input is a pipe that only that process holds open: when it closes, it acts. Run it as

    python -P -S -m reversion.adapters.watchdog DIRECTORY [VARIABLE=VALUE [SOCKETS]]

and needs nothing but Python's standard library, so that it starts at once.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters import families
from reversion.adapters.removal import remove

_HOME = Path(__file__).parents[2]
_PATIENCE = 2.0
_MODULE = re.compile(rb"&& sleep 0\W*$")
"""How the shell ends in which Ansible starts a module here; of one whose Ansible was killed nothing else tells."""

_STOPPED = b"[stopped mux]"
"""How an ssh calls itself that shares its connection no more; it tells of no socket then."""


@dataclass(frozen=True)
class Job:
    """What belongs to a job: its directory, and the processes that carry the mark `VARIABLE=value`.

    A run of Ansible also has shared ssh connections, which have a socket in a folder of the run's. Only Ansible's own
    processes and their children belong to it: what a playbook starts for good inherits the mark, too.
    """

    directory: Path
    mark: str = ""
    sockets: Path | None = None


@contextmanager
def watched(job: Job) -> Iterator[None]:
    """Have a watchdog act should this process die before the block ends; after that the job is its own business."""
    words = [str(job.directory), *([job.mark] if job.mark else []), *([str(job.sockets)] if job.sockets else [])]
    command = (sys.executable, "-P", "-S", "-m", "reversion.adapters.watchdog", *words)
    about = {"PYTHONPATH": str(_HOME), "PATH": os.defpath}
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd="/", env=about) as dog:  # noqa: S603
        try:
            yield
        finally:
            dog.kill()


def end(job: Job) -> None:
    """End the job's processes with all their children, politely at first; returns when they are gone."""
    if not job.mark:
        return
    is_mine = _chooser(job)
    left = families.end(families.find(is_mine), signal.SIGTERM, _PATIENCE)
    families.end_all(
        lambda entry, fields: is_mine(entry, fields) or left.get(int(entry.name)) == fields[19], _PATIENCE
    )


def _chooser(job: Job) -> Callable[[Path, list[str]], bool]:
    mark = os.fsencode(job.mark)
    sockets = os.fsencode(job.sockets) if job.sockets else b""
    ours = (b"ansible", _STOPPED, os.fsencode(job.directory)) if sockets else ()

    def is_mine(entry: Path, _: list[str]) -> bool:
        command = (entry / "cmdline").read_bytes()
        if sockets and b"[mux]" in command:
            return sockets in command
        is_ansibles = any(word in command for word in ours) or _MODULE.search(command)
        return bool(is_ansibles or not sockets) and mark in (entry / "environ").read_bytes().split(b"\0")

    return is_mine


def main() -> None:
    """Wait for the pipe to close, then act."""
    directory, mark, sockets, *_ = (*sys.argv[1:], "", "")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end(Job(Path(directory), mark, Path(sockets) if sockets else None))
    remove(Path(directory))


if __name__ == "__main__":
    main()
