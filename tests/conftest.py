"""Leave out what this machine can't run, and say so in one line; under CI its absence is a failure."""

import os
import shutil
import signal

import pytest

from tests.postgresql import has_postgresql


def _sshd() -> bool:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


COMPONENTS = {
    "sshd": ("openssh-server", _sshd),
    "browser": ("chromium", lambda: shutil.which("chromium") is not None),
    "postgresql": ("postgresql", has_postgresql),
}


def _missing() -> dict[str, str]:
    return {marker: package for marker, (package, is_there) in COMPONENTS.items() if not is_there()}


def _told() -> str:
    return ", ".join(f"those marked '{marker}' (no {package})" for marker, package in _missing().items())


def pytest_configure() -> None:
    # Who is started in the background, or by nohup, ignores these, and so would all that tests start.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Where no bytecode is kept, each of the many commands that tests start would compile all of the program anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if os.environ.get("CI") and _missing():
        pytest.exit(f"Under CI every test must run, but this machine can't run {_told()}.", returncode=3)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missing():
        terminalreporter.write_line(f"Left out, because this machine lacks what they need: {_told()}.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = _missing()
    dropped = [item for item in items if any(item.get_closest_marker(marker) for marker in missing)]
    items[:] = [item for item in items if item not in dropped]
    items.sort(key=_patience, reverse=True)  # what may take long begins first, so that nobody waits for it at the end
    config.hook.pytest_deselected(items=dropped)


def _patience(item: pytest.Item) -> float:
    """Return the seconds that the item's file gives each of its tests; files stay together."""
    file = item.getparent(pytest.Module)
    given = file.get_closest_marker("timeout") if file else None
    return float(given.args[0]) if given else 0.0
