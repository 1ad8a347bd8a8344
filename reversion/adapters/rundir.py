"""The directory of one Ansible run: private, and removed with everything that the run left behind.

A run's processes carry the directory's name in their environment, so they are found and ended even when
Ansible itself was killed. What a playbook started for good (a service, a daemon) is no child of Ansible any
more and is left alone.
"""

import fcntl
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters import families
from reversion.adapters.removal import remove
from reversion.errors import WorldFailed
from reversion.text import plain

_PREFIX = "reversion-run-"
_LONGEST = 45
_SETTLED = 10.0
_PATIENCE = 2.0
_MODULE = re.compile(rb"&& sleep 0\W*$")
"""How the shell ends in which Ansible starts a module here; of one whose Ansible was killed nothing else tells."""


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
            yield run
    finally:
        _end(run)


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
    remove(run.path)


def end_processes(run: RunDirectory) -> None:
    """End the run's Ansible processes with all their children, and its shared ssh connections."""
    marker = b"AWX_ISOLATED_DATA_DIR=" + os.fsencode(run.artifacts)
    sockets = os.fsencode(run.sockets)

    def is_mine(entry: Path, _: list[str]) -> bool:
        command = (entry / "cmdline").read_bytes()
        if b"[mux]" in command:
            return sockets in command
        is_ansibles = b"ansible" in command or _MODULE.search(command)
        return bool(is_ansibles) and marker in (entry / "environ").read_bytes().split(b"\0")

    left = families.end(families.find(is_mine), signal.SIGTERM, _PATIENCE)
    families.end_all(
        lambda entry, fields: is_mine(entry, fields) or left.get(int(entry.name)) == fields[19], _PATIENCE
    )
