"""Child processes of `reversion serve`: each in a session of its own, ended in order, none left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reversion.errors import WorldFailed
from reversion.text import plain

_GRACE = 5.0
_REPORT = 1.5
_TAIL = 4000


@dataclass(frozen=True)
class Child:
    """One child: what it is for, and the file that has what it said."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """Return the last line that it said."""
        said = self.log.read_bytes()[-_TAIL:].decode("utf-8", "replace").strip().splitlines()
        return plain(said[-1], 300) if said else "it said nothing"


class Children:
    """The children in the order in which they were started; a context that ends them the other way round."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._all: list[Child] = []
        try:
            logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WorldFailed(
                f"The folder {logs} can't be made: {error.strerror}.", "Move away what is there."
            ) from error

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *error: object) -> None:
        for child in reversed(self._all):
            _end(child.process)

    def start(self, name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> Child:
        """Start a child whose words go to <logs>/<name>.log; of secrets nothing may be in `command`."""
        log = self._logs / f"{name}.log"
        try:
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
                process = subprocess.Popen(  # noqa: S603  the command is our own
                    command,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise WorldFailed(f"The {name} could not be started: {error}.", f"Check {self._logs}.") from error
        child = Child(name, process, log)
        self._all.append(child)
        return child

    def finish(self, child: Child, seconds: float) -> None:
        """Wait for a child that has to end by itself; raise WorldFailed when it does not, or ends badly."""
        try:
            code = child.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise WorldFailed(f"The {child.name} took more than {seconds:.0f} s.", f"See {child.log}.") from error
        if code:
            raise WorldFailed(f"The {child.name} failed: {child.last_words()}", f"See {child.log}.")
        self._all.remove(child)

    def check(self) -> None:
        """Raise WorldFailed when a child has died."""
        for child in self._all:
            if not child.is_alive():
                code = child.process.returncode
                raise WorldFailed(
                    f"The {child.name} ended unexpectedly with {code}: {child.last_words()}",
                    f"See {child.log}.",
                )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, its own children first, so that it can still report them; then end what is left.

    A worker that is ended before its runs leaves them for the server to be running for ever.
    """
    family = _descendants(process.pid)
    if children := _children(process.pid):
        _terminate(children)
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    for pid, born in {**family, **_descendants(process.pid)}.items():
        if _born(pid) == born:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _terminate(pids: list[int]) -> None:
    """Ask processes to end, and wait until they have and their parent has had a moment to say so."""
    born = {pid: _born(pid) for pid in pids}
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _GRACE
    while time.monotonic() < end and any(_born(pid) == born[pid] for pid in pids):
        time.sleep(0.1)
    time.sleep(_REPORT)


def _descendants(pid: int) -> dict[int, str]:
    """Return the processes below one, each with its time of birth: a pid may come to name another one."""
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in _children(waiting.pop()):
            if child not in found:
                found[child] = _born(child)
                waiting.append(child)
    return found


def _children(pid: int) -> list[int]:
    listed: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            listed += [int(child) for child in (task / "children").read_text().split()]
    return listed


def _born(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


class Stop:
    """Turns SIGTERM, SIGHUP and Ctrl-C into a question that a loop can ask."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:  # noqa: ARG002
        self.asked = True
