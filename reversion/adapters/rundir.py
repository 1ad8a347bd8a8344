"""The directory of one Ansible run: private, and removed with everything that the run left behind.

A run's processes carry the directory's name in their environment, so they are found and ended even when
Ansible itself was killed. What a playbook started for good (a service, a daemon) is no child of Ansible any
more and is left alone.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "reversion-run-"
_LONGEST = 45
_SETTLED = 10.0


@dataclass(frozen=True)
class RunDirectory:
    """The paths in a run's directory. `sockets` is short: a UNIX socket's path ends at 104 bytes."""

    path: Path

    @property
    def inventory(self) -> Path:
        return self.path / "inventory" / "hosts.yml"

    @property
    def playbook(self) -> Path:
        return self.path / "play.yml"

    @property
    def observation(self) -> Path:
        return self.path / "observe.yml"

    @property
    def fence(self) -> Path:
        return self.path / "fence.cfg"

    @property
    def programs(self) -> Path:
        return self.path / "bin"

    @property
    def sockets(self) -> Path:
        return self.path / "cp"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    @property
    def artifacts(self) -> Path:
        return self.path / "runner" / "artifacts" / "run"


@contextmanager
def run_directory() -> Iterator[RunDirectory]:
    """Make a run's directory (0700, owned by this process); at the end, end what still runs and remove it."""
    base = _base()
    _sweep(base)
    run = RunDirectory(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base)))
    with (run.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in (run.inventory.parent, run.sockets, run.temporary, run.path / "runner"):
            folder.mkdir(mode=0o700)
        try:
            yield run
        finally:
            _end(run)


def end_left_runs() -> None:
    """End and remove on this machine what processes have left that died without doing so."""
    _sweep(_base())


def _base() -> Path:
    base = Path(tempfile.gettempdir())
    return base if len(os.fsencode(base)) <= _LONGEST else Path("/tmp")  # noqa: S108 - mkdtemp below is private


def _sweep(base: Path) -> None:
    """End and remove the runs of processes that died without doing so: their lock is free."""
    for left in base.glob(f"{_PREFIX}*"):
        try:
            if left.stat().st_uid != os.geteuid() or time.time() - left.stat().st_mtime < _SETTLED:
                continue
            with (left / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end(RunDirectory(left))
        except OSError:
            continue


def _end(run: RunDirectory) -> None:
    end_processes(run)
    shutil.rmtree(run.path, ignore_errors=True)


def end_processes(run: RunDirectory) -> None:
    """End the run's Ansible processes with all their children, and its shared ssh connections."""
    found = _processes(run)
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0)):
        for process, started in found.items():
            if _started(process) == started:
                _signal(process, number)
        until = time.monotonic() + patience
        while (left := {p: s for p, s in found.items() if _started(p) == s}) and time.monotonic() < until:
            time.sleep(0.02)
        found = left


def _processes(run: RunDirectory) -> dict[int, str]:
    """Map the ids of the run's processes to when they started, so that a reused id is told apart."""
    marker = b"AWX_ISOLATED_DATA_DIR=" + os.fsencode(run.artifacts)
    parents, mine = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            process = int(entry.name)
            parents[process] = int(_stat(process)[1])
            is_shared_connection = b"[mux]" in command and os.fsencode(run.sockets) in command
            if is_shared_connection or (
                b"ansible" in command and marker in (entry / "environ").read_bytes().split(b"\0")
            ):
                mine.add(process)
        except (OSError, ValueError, IndexError):
            continue
    return {process: _started(process) for process in _with_children(mine, parents) if _started(process)}


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


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except OSError:
        return
