"""The shop's processes, found by their pid files and ended one by one."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def stop_all(directory: Path) -> None:
    """End every process whose pid file is below the directory and whose command line names it."""
    _close_ssh_connections(directory)
    files = [*directory.glob("hosts/*/run/*.pid"), *directory.glob("run/*.pid")]
    pids = [pid for file in files if (pid := alive(file, directory))]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if not (pids := _still_there(pids, directory, seconds=5)):
            break
    for file in files:
        file.unlink(missing_ok=True)


def _close_ssh_connections(directory: Path) -> None:
    """Have Ansible's shared connections closed, which would outlive it and the server for a minute."""
    for socket in directory.glob("cp/*"):
        command = ("ssh", "-O", "exit", "-o", f"ControlPath={socket}", "any")
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10)


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
