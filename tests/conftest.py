"""Leave out what this machine can't run, and say so in one line; under CI its absence is a failure."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest


def _postgresql() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb") is not None


def _sshd() -> bool:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


COMPONENTS = {
    "sshd": ("openssh-server", _sshd),
    "browser": ("chromium", lambda: shutil.which("chromium") is not None),
    "postgresql": ("postgresql", _postgresql),
}

_left_out: dict[str, int] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {marker for marker, (_, is_there) in COMPONENTS.items() if not is_there()}
    wanted = {marker for item in items for marker in missing if item.get_closest_marker(marker)}
    if wanted and os.environ.get("CI"):
        packages = ", ".join(COMPONENTS[marker][0] for marker in sorted(wanted))
        pytest.exit(f"Under CI every test must run; install: {packages}", returncode=3)
    dropped = [item for item in items if any(item.get_closest_marker(marker) for marker in wanted)]
    for item in dropped:
        for marker in wanted:
            if item.get_closest_marker(marker):
                _left_out[marker] = _left_out.get(marker, 0) + 1
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told: Sequence[str] = [
        f"{count} tests need {COMPONENTS[marker][0]}" for marker, count in sorted(_left_out.items())
    ]
    if told:
        terminalreporter.write_line(f"Left out, because this machine lacks it: {'; '.join(told)}.")
