"""A production test's command: run until it ends or its time is up, its output bounded, nothing of it left behind.

All that it started is ended with it: what is in its process group or session, works in its folder, or carries its
mark in the environment, with the children of these. The mark is inherited, also by daemons.
"""

import os
import secrets
import selectors
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters import families
from reversion.adapters.watchdog import Job, watched

MARK = "REVERSION_TEST_RUN"
_KEPT = 16 << 10
_CHUNK = 64 << 10
_LEAST_SPACE = 64 << 20
_PATIENCE = 10.0
_TICK = 0.05


@dataclass(frozen=True)
class Ended:
    """How a command ended: `problem` is empty where it succeeded. Of its output the end is kept."""

    problem: str
    output: bytes = b""
    left_out: int = 0


class _Tail:
    """Keeps the end of what is read from a pipe, so that it needs neither memory nor disk."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.read = 0
        os.set_blocking(pipe, False)

    def take(self) -> bool:
        """Read what is there; tell whether there was anything."""
        try:
            chunk = os.read(self.pipe, _CHUNK)
        except BlockingIOError:
            return False
        self.read += len(chunk)
        self._chunks.append(chunk[-_KEPT:])
        self._size += len(self._chunks[-1])
        while self._size - len(self._chunks[0]) >= _KEPT:
            self._size -= len(self._chunks.popleft())
        return bool(chunk)

    def end(self) -> bytes:
        return b"".join(self._chunks)[-_KEPT:]


def run_command(command: tuple[str, ...], folder: Path, environment: Mapping[str, str], seconds: int) -> Ended:
    """Run a command, which is no shell's line, for so many seconds at most; never raises for what it does."""
    mark = secrets.token_hex(16)
    reading, writing = os.pipe()
    try:
        process = _start(command, folder, {**environment, MARK: mark}, writing)
    except (OSError, ValueError) as error:
        os.close(reading)
        said = getattr(error, "strerror", None) or str(error)
        return Ended(f"the command '{command[0]}' could not be started: {said}")
    finally:
        os.close(writing)
    tail = _Tail(reading)
    try:
        with watched(Job(folder, f"{MARK}={mark}")):
            problem = _follow(process, tail, folder, seconds)
    finally:
        left = _end_family(process, folder, mark)
        _drain(tail)
        os.close(reading)
    return Ended(problem or _told(process.returncode) or left, tail.end(), max(0, tail.read - _KEPT))


def _start(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str], output: int
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  the product's own command, no shell
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _follow(process: "subprocess.Popen[bytes]", tail: _Tail, folder: Path, seconds: int) -> str:
    """Wait for the command itself, not for what holds its output open; say what was wrong with it."""
    until = time.monotonic() + seconds
    watches_disk = _space(folder) > _LEAST_SPACE
    with selectors.DefaultSelector() as selector:
        selector.register(tail.pipe, selectors.EVENT_READ)
        while not _is_over(process):
            if time.monotonic() > until:
                return f"not done after {seconds} seconds"
            if watches_disk and _space(folder) < _LEAST_SPACE:
                return f"stopped, since it left less than {_LEAST_SPACE >> 20} MiB on the worker's disk"
            if selector.select(_TICK) and not tail.take():
                time.sleep(_TICK)
    return ""


def _is_over(process: "subprocess.Popen[bytes]") -> bool:
    """Ask without reaping it: as long as it is a zombie, its id names no other process."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _told(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}" if code else ""
    with suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}"
    return f"ended by signal {-code}"


def _space(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _drain(tail: _Tail) -> None:
    """Read what is still in the pipe; a pipe holds little, so that this ends whoever still writes to it."""
    for _ in range(64):
        if not tail.take():
            return


def _end_family(process: "subprocess.Popen[bytes]", folder: Path, mark: str) -> str:
    marked = f"{MARK}={mark}".encode()
    inside = folder.resolve()

    def is_mine(entry: Path, fields: list[str]) -> bool:
        if str(process.pid) in (fields[2], fields[3]):
            return True
        if marked in (entry / "environ").read_bytes().split(b"\0"):
            return True
        return (entry / "cwd").readlink().is_relative_to(inside)

    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    is_ended = families.end_all(is_mine, _PATIENCE)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    return "" if is_ended else "it left processes behind that could not be ended"
