# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Restart a service by whatever keeps it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure, plain

_FOREIGN = ("ANSIBLE_", "AWX_")
_SECONDS = 120


def commands(params: Mapping[str, Any], *, reload: bool) -> list[list[str]]:
    """Return what restarts the service: nothing where nothing was given."""
    if params["systemd"]:
        unit = ["systemctl", "restart", "--", params["systemd"]]
        return [["systemctl", "daemon-reload"], unit] if reload else [unit]
    if params["supervisor"]:
        return [["supervisorctl", "restart", params["supervisor"]]]
    return [params["command"]] if params["command"] else []


def is_enabled(unit: str) -> bool:
    return not subprocess.run(
        ["systemctl", "is-enabled", "--quiet", "--", unit],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ).returncode


def run(command: list[str], folder: str) -> None:
    """Run a command to its end.

    It writes to a file, as a pipe would be held open by what it starts; it has a session of its own, so that
    what it starts stays; and it does not know that Ansible started it: who ends the processes of a run by what
    is in their environment does not end the service.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    with tempfile.TemporaryFile() as written:
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Failure(
                f"'{_shown(command)}' did not end within {_SECONDS} seconds", "It must not stay itself"
            ) from None
        except (OSError, ValueError) as error:
            raise Failure(
                f"'{_shown(command)}' can't be started: {plain(str(error))}", "Install or correct it"
            ) from error
        if ended.returncode:
            written.seek(max(0, written.seek(0, os.SEEK_END) - 500))
            said = plain(written.read().decode("utf-8", "replace"), 500)
            raise Failure(f"'{_shown(command)}' ended with {ended.returncode}: {said}", "See the service's own log")


def _shown(command: list[str]) -> str:
    """Return the command without its further arguments, which may be long or secret."""
    return plain(" ".join(command[:3]), 120)
