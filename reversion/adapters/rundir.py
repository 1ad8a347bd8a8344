"""The directory of one Ansible run: private, and removed with everything that the run left behind.

A run's processes carry the directory's name in their environment, so they are found and ended even when
Ansible itself was killed, and by a watchdog when the process that began the run was. What a playbook started for
good (a service, a daemon) is no child of Ansible any more and is left alone.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters.removal import remove
from reversion.adapters.watchdog import Job, end, watched
from reversion.errors import WorldFailed
from reversion.text import plain

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
    def library(self) -> Path:
        """Where Ansible looks for modules beside the playbook."""
        return self.path / "library"

    @property
    def connections(self) -> Path:
        """Where Ansible looks for connection plugins beside the playbook."""
        return self.path / "connection_plugins"

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

    @property
    def job(self) -> Job:
        """What belongs to it: the runner marks all of its processes."""
        return Job(self.path, f"AWX_ISOLATED_DATA_DIR={self.artifacts}", self.sockets)


@contextmanager
def run_directory() -> Iterator[RunDirectory]:
    """Make a run's directory (0700, owned by this process); at the end, end what still runs and remove it.

    Raise WorldFailed where the disk does not take it.
    """
    base = _base()
    try:
        with _run_directory(base) as run:
            yield run
    except OSError as error:
        raise WorldFailed(
            f"A run of Ansible could not be prepared in {base}: {plain(error.strerror or str(error))}.",
            "Make room there, or name another disk for the worker with TMPDIR.",
        ) from error


@contextmanager
def _run_directory(base: Path) -> Iterator[RunDirectory]:
    _sweep(base)
    run = RunDirectory(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base)))
    try:
        with (run.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for folder in (run.inventory.parent, run.sockets, run.temporary, run.path / "runner"):
                folder.mkdir(mode=0o700)
            with watched(run.job):
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
    end(run.job)
    remove(run.path)
