"""Production tests: commands run in the snapshot's tree, and the JUnit reports that they leave."""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from reversion.adapters.check_command import Ended, run_command
from reversion.adapters.junit import Report, read_report
from reversion.adapters.removal import remove
from reversion.outcome import Check
from reversion.product import ProductionTest
from reversion.text import counted, plain

_LINES = 300
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "VIRTUAL_ENV",
)


def run_check(test: ProductionTest, tree: Path, variables: dict[str, str]) -> Check:
    """Run one production test with `tree` as its working directory and tell how it went; never raises.

    The command gets the variables given, the worker's PATH and the like, and what the test's `pass_environment`
    names; nothing else of the worker's environment. It is no shell's line. When it ends, or its time is up, it and
    all that it started is killed.
    """
    report = tree / test.junit if test.junit else None
    with contextlib.suppress(OSError):
        if report:
            report.unlink()
    began = time.monotonic()
    ended = _run(test, tree, variables)
    seconds = time.monotonic() - began
    read = read_report(report, tree) if report else Report()
    problem = ended.problem or read.problem
    return Check(
        name=test.name, passed=not problem, message=problem, output=_lines(ended), cases=read.cases, seconds=seconds
    )


def _run(test: ProductionTest, tree: Path, variables: dict[str, str]) -> Ended:
    """Give the command a folder for temporary files that is removed with all that it left there."""
    try:
        temporary = Path(tempfile.mkdtemp(prefix="reversion-"))
    except OSError as error:
        return Ended(f"it could not be started: {error.strerror}")
    try:
        environment = {"TMPDIR": str(temporary)} | _environment(test, variables)
        return run_command(test.command, tree, environment, test.timeout)
    finally:
        remove(temporary)


def _environment(test: ProductionTest, variables: dict[str, str]) -> dict[str, str]:
    names = (*_INHERITED, *test.pass_environment)
    return {name: os.environ[name] for name in names if name in os.environ} | variables


def _lines(ended: Ended) -> str:
    """Return the last lines of the output, made plain; the first one says what was left out, if anything."""
    lines = ended.output.decode("utf-8", "replace").splitlines()
    kept = [plain(line, 400) for line in lines[-_LINES:]]
    if ended.left_out or len(lines) > _LINES:
        lost = ended.left_out + sum(len(line) + 1 for line in lines[:-_LINES])
        kept.insert(0, f"({counted(lost, 'byte')} before this left out)")
    return "\n".join(kept)
