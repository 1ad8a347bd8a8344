"""The output of a Git command while it runs."""

import fcntl
import os
import re
import signal
from contextlib import suppress
from io import BufferedReader, RawIOBase
from select import POLLIN, poll
from subprocess import Popen
from time import monotonic
from typing import IO, Any

_AHEAD = 1 << 20
"""So much can Git write ahead, in bytes, which is a small history's whole log."""
_BUFFER = 1 << 16
_MOST_SAID = 1 << 16
_A_MOMENT = 0.05
_PAUSE = 0.005
"""So long may Git write ahead before it is read: to wait for each piece of 4 KiB takes longer than to read it."""


class GitOutput(BufferedReader):
    """What a command writes; it is ended when this is closed, or `timeout` seconds after its start."""

    def __init__(self, process: Popen[bytes] | None, timeout: int) -> None:
        """Take over the process, which leads a group of its own; raise ValueError where it has no pipes to read."""
        self._running = _Running(process, timeout)
        super().__init__(self._running, _BUFFER)

    def failure(self) -> str:
        """Read to the end, and return why the command failed, or nothing."""
        while self.read(_AHEAD):
            continue
        return self._running.failure()


class _Running(RawIOBase):
    """Waits for output and errors at once, so that the command never waits for one of them to be read."""

    def __init__(self, process: Popen[bytes] | None, timeout: int) -> None:
        if process is None or process.stdout is None or process.stderr is None:
            raise ValueError("the command has no pipes")
        self._process, self._output, self._errors = process, process.stdout, process.stderr
        self._timeout, self._until, self._is_late = timeout, monotonic() + timeout, False
        self._said = b""
        self._pipes = poll()
        self._pipes.register(self._output, POLLIN)
        self._pipes.register(self._errors, POLLIN)
        self._are_errors_open = True
        self._is_wide = _widen(self._output)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        if self._is_wide:
            self._pipes.modify(self._output, 0)  # tells of its end only
            self._listen(_PAUSE)
            self._pipes.modify(self._output, POLLIN)
        while not self._is_late:
            if self._output.fileno() in self._listen():
                return os.readv(self._output.fileno(), [room])
        return 0

    def failure(self) -> str:
        """Return why the command failed, whose output is at its end, or nothing."""
        self._pipes.unregister(self._output)
        while self._are_errors_open and not self._is_late and self._process.poll() is None:
            self._listen(_A_MOMENT)
        status = self._process.wait()
        if self._is_late:
            return f"Timeout: it took longer than {self._timeout} seconds"
        self._listen(0)
        said = self._said.decode("utf-8", "replace")
        is_damaged = re.search(r"^(error|fatal):", said, re.MULTILINE)  # Git may go on without what it can't read
        return (said or f"it ended with {status}") if status or is_damaged else ""

    def close(self) -> None:
        if not self.closed:
            self._end()
            self._output.close()
            self._errors.close()
        super().close()

    def _listen(self, at_most: float = 3600) -> list[int]:
        """Wait for a pipe, and take in what is said on standard error; return the pipes that had something."""
        left = self._until - monotonic()
        if left <= 0:
            self._is_late = True
            self._end()
            return []
        found = [pipe for pipe, _ in self._pipes.poll(min(left, at_most) * 1000)]
        if self._are_errors_open and self._errors.fileno() in found:
            said = os.read(self._errors.fileno(), _MOST_SAID)
            self._said = (self._said + said)[:_MOST_SAID]
            if not said:
                self._are_errors_open = False
                self._pipes.unregister(self._errors)
        return found

    def _end(self) -> None:
        """End the command and all that it started; its number is that of their group."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _widen(pipe: IO[bytes]) -> bool:
    """Let Git write ahead; return False where the system can't, or the user may not."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _AHEAD)
    except (AttributeError, OSError):
        return False
    return True
