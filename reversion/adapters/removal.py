"""Removing a directory with all that playbooks and tests left in it."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

_SECONDS = 300


def remove(directory: Path) -> None:
    """Remove a directory, also where folders in it are closed or nested by the thousand; never raises."""
    with suppress(RecursionError):
        shutil.rmtree(directory, ignore_errors=True)
    for command in (("chmod", "-R", "u+rwX", "--"), ("rm", "-rf", "--")):
        if directory.is_dir():
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([*command, directory], stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False)  # noqa: S603
