"""Production tests: commands run in the snapshot's tree, and the JUnit reports that they leave."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from reversion.outcome import Case, Check
from reversion.product import ProductionTest
from reversion.text import plain

_REPORT_BYTES = 16 << 20
_OUTPUT_BYTES = 16 << 10
_CASES = 5_000
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "VIRTUAL_ENV",
)


def run_check(test: ProductionTest, tree: Path, variables: dict[str, str]) -> Check:
    """Run one production test with `tree` as its working directory and tell how it went; never raises.

    The command gets the variables given, the worker's PATH and the like, and what the test's `pass_environment`
    names; nothing else of the worker's environment. It is no shell's line. When its time is up, it and its
    children are killed.
    """
    report = tree / test.junit if test.junit else None
    with contextlib.suppress(OSError):
        if report:
            report.unlink()
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        problem = _run(test, tree, _environment(test, variables), output.fileno())
        seconds = time.monotonic() - started
        printed = _end_of(output.fileno())
    cases, unread = _read_report(report, tree) if report else ((), "")
    problem = problem or unread or _failing(cases)
    return Check(name=test.name, passed=not problem, message=problem, output=printed, cases=cases, seconds=seconds)


def _environment(test: ProductionTest, variables: dict[str, str]) -> dict[str, str]:
    names = (*_INHERITED, *test.pass_environment)
    return {name: os.environ[name] for name in names if name in os.environ} | variables


def _run(test: ProductionTest, tree: Path, environment: dict[str, str], output: int) -> str:
    try:
        process = subprocess.Popen(  # noqa: S603  the product's own command, no shell
            test.command,
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        return f"the command '{test.command[0]}' could not be started: {error.strerror}"
    try:
        code = process.wait(timeout=test.timeout)
    except subprocess.TimeoutExpired:
        return f"not done after {test.timeout} seconds"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return f"exit code {code}" if code else ""


def _end_of(output: int) -> str:
    size = os.lseek(output, 0, os.SEEK_END)
    os.lseek(output, max(0, size - _OUTPUT_BYTES), os.SEEK_SET)
    lines = os.read(output, _OUTPUT_BYTES).decode("utf-8", "replace").splitlines()
    return "\n".join(plain(line, 400) for line in lines)


def _read_report(report: Path, tree: Path) -> tuple[tuple[Case, ...], str]:
    if not report.is_file() or not report.resolve().is_relative_to(tree.resolve()):
        return (), f"it left no JUnit report at {report.relative_to(tree)}"
    try:
        if report.stat().st_size > _REPORT_BYTES:
            return (), "its JUnit report is too large, and was not read"
        text = report.read_bytes().decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return (), "its JUnit report declares entities, and was not read"
        root = ElementTree.fromstring(_DECLARATION.sub("", text, count=1))  # noqa: S314  entities are refused above
    except (OSError, ValueError, ElementTree.ParseError) as error:
        return (), f"its JUnit report is no XML in UTF-8: {plain(str(error))}"
    cases = tuple(_case(element) for element in list(root.iter("testcase"))[:_CASES])
    return cases, "" if cases else "its JUnit report holds no test case"


def _case(element: ElementTree.Element) -> Case:
    name = ".".join(filter(None, (element.get("classname"), element.get("name"))))
    try:
        seconds = max(0.0, float(element.get("time") or 0))
    except ValueError:
        seconds = 0.0
    for state, tag in (("error", "error"), ("failed", "failure"), ("skipped", "skipped")):
        if (found := element.find(tag)) is not None:
            message = plain(found.get("message") or found.text or "", 400)
            return Case(name=plain(name), state=state, message=message, seconds=seconds)
    return Case(name=plain(name) or "unnamed", state="passed", seconds=seconds)


def _failing(cases: tuple[Case, ...]) -> str:
    failing = [case for case in cases if case.state in ("failed", "error")]
    if not failing:
        return "" if any(case.state == "passed" for case in cases) or not cases else "every test case was skipped"
    return f"{len(failing)} of {len(cases)} cases failed, first {failing[0].name}: {failing[0].message}"
