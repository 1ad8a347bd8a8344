"""Ansible's output on its way to us, bounded: neither a large result nor an endless line may fill our memory.

ansible-runner gathers what is printed between two of its events, and pexpect beneath it all that was ever printed.
"""

import contextlib
import io
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ansible_runner.runner
import pexpect
from ansible_runner import Runner
from ansible_runner.utils import OutputEventFilter

CALLBACKS = Path(__file__).parent / "callbacks"
BRIEF = "reversion_brief"
KILLED = "Ansible was killed before it was done."
_MOST_BETWEEN_EVENTS = 200_000
_MOST_LINES = 500
_LEAST_SPACE = 1 << 20
_ANYTHING = re.compile(r"(?s).+")


class _BoundedFilter(OutputEventFilter):  # type: ignore[misc]  # ansible-runner ships no types
    """Forgets the beginning of what has gathered."""

    _buffer: io.StringIO

    def write(self, data: str) -> None:
        super().write(data)
        if self._buffer.tell() > _MOST_BETWEEN_EVENTS:
            kept = self._buffer.getvalue()[-_MOST_BETWEEN_EVENTS // 2 :]
            self._buffer = io.StringIO()
            self._buffer.write(kept)


# The runner has no door for a filter of our own: it makes one of the class that it finds under this name.
ansible_runner.runner.OutputEventFilter = _BoundedFilter


class BoundedRunner(Runner):  # type: ignore[misc]  # ansible-runner ships no types
    """A run of Ansible that keeps nothing of the output, and ends also where Ansible's pipes don't."""

    def __init__(self, config: Any, hear: Callable[[Mapping[str, Any]], bool], is_to_end: Callable[[], bool]) -> None:
        # Matching whatever comes makes pexpect drop it; without a match it keeps everything.
        config.expect_passwords = {_ANYTHING: None, pexpect.TIMEOUT: None, pexpect.EOF: None}
        super().__init__(config, event_handler=hear, cancel_callback=_every_second(is_to_end))

    def run(self) -> None:
        """Run to the end; what goes wrong after the beginning is told by `why_ended`, not raised."""
        try:
            super().run()
        except pexpect.ExceptionPexpect:
            self._settle()
        except OSError:
            if self.status != "running":
                raise
            self._settle()

    def why_ended(self, folder: Path) -> str:
        """Say what ended a run that has no statistics, where that is known; `folder` is on the run's disk."""
        with contextlib.suppress(OSError):
            if shutil.disk_usage(folder).free < _LEAST_SPACE:
                return f"the disk of {folder.parent} is full, so that Ansible could not tell what it did."
        is_stopped = self.canceled or self.timed_out
        return KILLED if self.rc is None and not is_stopped else ""

    def _settle(self) -> None:
        self.status = "canceled" if self.canceled else "timeout" if self.timed_out else "failed"


def _every_second(asked: Callable[[], bool]) -> Callable[[], bool]:
    """Ask once in a second at most; the runner asks with every bit of output."""
    last = -1.0
    answer = False

    def ask() -> bool:
        nonlocal last, answer
        if time.monotonic() - last >= 1:
            last, answer = time.monotonic(), asked()
        return answer

    return ask


class Lines:
    """Says the lines of a run, so many of each host; of the others it tells in the end how many there were."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._said: Counter[str] = Counter()

    def say(self, host: str, line: str) -> None:
        self._said[host] += 1
        if self._said[host] <= _MOST_LINES:
            self._say(host, line)

    def end(self) -> None:
        for host, said in self._said.items():
            if said > _MOST_LINES:
                self._say(host, f"{host}: {said - _MOST_LINES} further lines were left out.")
