"""The processes of this machine as /proc tells them: which belong together, and how they are ended."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def stat(process: int) -> list[str]:
    """Return the fields of /proc/<id>/stat from the third on: state, parent, group, session, ..."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()


def started(process: int) -> str:
    """Return when a process started, so that a reused id is told apart; empty where it ended, also as a zombie."""
    try:
        fields = stat(process)
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def find(is_mine: Callable[[Path, list[str]], bool]) -> dict[int, str]:
    """Map processes, chosen by their folder in /proc and their `stat`, and all their children to when they started.

    This process itself is never among them.
    """
    parents, mine = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = stat(int(entry.name))
            parents[int(entry.name)] = int(fields[1])
            if int(entry.name) != os.getpid() and is_mine(entry, fields):
                mine.add(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return {process: born for process in _with_children(mine, parents) if (born := started(process))}


def end(found: Mapping[int, str], number: int, patience: float) -> dict[int, str]:
    """Send a signal, give so many seconds to end, and return what lives on."""
    for process, born in found.items():
        if started(process) == born:
            _signal(process, number)
    until = time.monotonic() + patience
    while (left := {p: born for p, born in found.items() if started(p) == born}) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def end_all(is_mine: Callable[[Path, list[str]], bool], patience: float) -> bool:
    """Kill what is chosen, again and again until nothing is left; tell whether that was reached in so many seconds.

    All are stopped before any is killed: who lost its parent meanwhile might not be known any more.
    """
    until = time.monotonic() + patience
    while found := find(is_mine):
        new = found
        while new and time.monotonic() < until:
            end(new, signal.SIGSTOP, 0)
            new = {process: born for process, born in find(is_mine).items() if process not in found}
            found |= new
        end(found, signal.SIGKILL, 0.5)
        if time.monotonic() > until:
            return False
    return True


def _with_children(roots: set[int], parents: Mapping[int, int]) -> set[int]:
    found = set(roots)
    while added := {child for child, parent in parents.items() if parent in found} - found:
        found |= added
    return found


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except OSError:
        return
