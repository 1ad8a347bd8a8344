"""The shop's processes, found by their pid files and ended one by one."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def stop_all(directory: Path) -> None:
    """End every process whose pid file is below the directory and whose command line names it.

    Looks again until there is none: what is ended may just have been starting another one.
    """
    _close_ssh_connections(directory)
    while running := _running(directory):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if not (running := _still_there(running, directory, seconds=20)):
                break
    for file in _pid_files(directory):
        file.unlink(missing_ok=True)


def _pid_files(directory: Path) -> list[Path]:
    return [*directory.glob("run/*.pid"), *directory.glob("hosts/*/run/*.pid")]


def _running(directory: Path) -> list[int]:
    return [pid for file in _pid_files(directory) if (pid := alive(file, directory))]


def _close_ssh_connections(directory: Path) -> None:
    """Have Ansible's shared connections closed, which would outlive it and the server for a minute."""
    for socket in directory.glob("cp/*"):
        command = ("ssh", "-O", "exit", "-o", f"ControlPath={socket}", "any")
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10)


def note_pid(directory: Path, name: str, pid: int) -> None:
    """Write down a process that was started, so that `stop_all` finds it."""
    file = directory / "run" / f"{name}.pid"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{pid}\n")


def alive(file: Path, directory: Path) -> int | None:
    """Return the pid in the file when that process is one of this directory's, else None."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        if _belongs(pid, directory):
            return pid
    return None


def _belongs(pid: int, directory: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.fsencode(directory) + b"/" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _still_there(pids: list[int], directory: Path, seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _belongs(pid, directory)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left
