"""Run a program apart from this machine: network, processes and mounts of its own, all gone with it.

The kernel ends everything in the namespaces when their first process ends, also after `kill -9`. What is on disk is
one folder. A folder that a killed program left behind is removed by the next one.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PREFIX = "reversion-lab-"
_INSIDE = "REVERSION_LAB"
_OLD = Path(tempfile.gettempdir())
_ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")


def run_apart(main: Callable[[Path], int]) -> int:
    """Call `main` with its folder, in namespaces of its own; return what it returns.

    The running program is started anew there, with the same arguments. It needs root.
    """
    if _INSIDE in os.environ:
        return _begin(main, Path(os.environ.pop(_INSIDE)))
    if os.geteuid() != 0:
        raise SystemExit("The laboratory makes network namespaces, which needs root. Run it as root.")
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_OLD))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _start(folder)
        except KeyboardInterrupt:
            return 130
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> int:
    """Run this program again, inside, and end it with us whatever ends us."""
    again = (sys.executable, *sys.orig_argv[1:])
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *_ALONE, *again], env=os.environ | {_INSIDE: str(folder)}
    )
    try:
        return process.wait()
    finally:
        process.kill()
        process.wait()


def _begin(main: Callable[[Path], int], folder: Path) -> int:
    """Be the first process: let another one do the work, and take in what nobody else waits for."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = os.fork()
    if not worker:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        return main(folder)
    while True:
        ended, status = os.wait()
        if ended == worker:
            os._exit(os.waitstatus_to_exitcode(status) % 256)


def _sweep() -> None:
    for left in _OLD.glob(f"{_PREFIX}*"):
        with suppress(OSError), (left / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
