"""Point `current` at a release, end the service's process and start the new one: HOST_ROOT SERVICE VERSION.

A process is ended only when it is the one that was started from here: its number may be another's by now.
"""

import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path

root, service, version = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
home, run, log = root / service, root / "run", root / "log"
program = home / "current" / "service.py"
pid_file = run / f"{service}.pid"


def switch() -> None:
    """Replace the link in one step, so that it always points somewhere."""
    link = home / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(f"releases/{version}")
    link.rename(home / "current")


def running() -> int | None:
    """Return the service's process id, or None when it does not run."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        if os.fsencode(program) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def stop() -> None:
    """End the process, kindly for five seconds."""
    deadline = time.monotonic() + 5
    while (pid := running()) is not None:
        late = time.monotonic() > deadline
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.02)


def start() -> None:
    """Start the service in a session of its own.

    Its environment is new: what Ansible's process had in it is none of the service's business, and whoever
    ends a cancelled run by what its processes have in theirs would end the service too.
    """
    run.mkdir(exist_ok=True)
    log.mkdir(exist_ok=True)
    if os.fork():
        return
    os.setsid()
    pid_file.write_text(f"{os.getpid()}\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log / f"{service}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in enumerate((nothing, written, written)):
        os.dup2(source, target)
    os.closerange(3, 256)
    os.chdir("/")
    command = [sys.executable, "-ES", str(program)]
    os.execve(command[0], command, {"PATH": os.defpath, "LANG": "C.UTF-8"})  # noqa: S606


def wait() -> None:
    """Wait until the new version answers, for ten seconds."""
    place = json.loads((home / "current" / "config.json").read_text())
    said: object = "nothing"
    for _ in range(200):
        with contextlib.suppress(OSError, ValueError):
            health = f"http://{place['address']}:{place['port']}/health"
            said = json.load(urllib.request.urlopen(health, timeout=1))["version"]
            if said == version:
                return
        time.sleep(0.05)
    sys.exit(f"{service} {version} was started, but {said} answers; see {log / service}.log")


switch()
stop()
start()
wait()
