"""Ends what a job has left running when the process that runs the job dies, however that dies.

The watchdog's input is a pipe that only that process holds open. When it closes, every process that carries the job's
mark in its environment is ended with all of its children, and the job's directory is removed. Run as a program of its
own, it imports nothing but Python's standard library:

    python -I -S watchdog.py VARIABLE=VALUE DIRECTORY [SHARED_CONNECTIONS]
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What is watched: the mark `VARIABLE=value` that its processes carry, and its directory.

    Shared ssh connections carry no mark; they are known by the folder of their sockets.
    """

    mark: str
    directory: Path
    sockets: Path | None = None


@contextmanager
def watched(job: Job) -> Iterator[None]:
    """Have a watchdog end the job's processes should this process die; while it lives, they are its own business."""
    words = [job.mark, str(job.directory), *([str(job.sockets)] if job.sockets else [])]
    command = (sys.executable, "-I", "-S", __file__, *words)
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd="/", env={}) as dog:  # noqa: S603
        try:
            yield
        finally:
            dog.kill()


def end_processes(job: Job) -> None:
    """End the job's processes with all their children, politely at first; returns when they are gone."""
    found = _processes(job)
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0)):
        for process, started in found.items():
            if _started(process) == started:
                with suppress(OSError):
                    os.kill(process, number)
        until = time.monotonic() + patience
        while (left := {p: s for p, s in found.items() if _started(p) == s}) and time.monotonic() < until:
            time.sleep(0.02)
        found = left


def _processes(job: Job) -> dict[int, str]:
    """Map the ids of the job's processes to when they started, so that a reused id is told apart."""
    mark = os.fsencode(job.mark)
    parents, mine = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            process = int(entry.name)
            parents[process] = int(_stat(process)[1])
            if _is_shared_connection(entry, job) or _is_marked(entry, mark):
                mine.add(process)
    return {process: _started(process) for process in _with_children(mine, parents) if _started(process)}


def _is_shared_connection(entry: Path, job: Job) -> bool:
    if job.sockets is None:
        return False
    command = (entry / "cmdline").read_bytes()
    return b"[mux]" in command and os.fsencode(job.sockets) in command


def _is_marked(entry: Path, mark: bytes) -> bool:
    return b"ansible" in (entry / "cmdline").read_bytes() and mark in (entry / "environ").read_bytes().split(b"\0")


def _with_children(roots: set[int], parents: dict[int, int]) -> set[int]:
    found = set(roots)
    while added := {child for child, parent in parents.items() if parent in found} - found:
        found |= added
    return found - {os.getpid()}


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/<id>/stat from the third on: state, parent, ..."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _started(process: int) -> str:
    """Return when a process started; empty where it ended, also as a zombie."""
    try:
        fields = _stat(process)
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def main() -> None:
    mark, directory, *sockets = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_processes(Job(mark, Path(directory), Path(sockets[0]) if sockets else None))
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
