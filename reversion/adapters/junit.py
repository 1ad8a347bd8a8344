"""JUnit reports, read as a stream: whatever is in one, a few thousand cases are all that is kept of it."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reversion.outcome import Case
from reversion.text import plain

_BYTES = 16 << 20
_CHUNK = 1 << 20
_DEEPEST = 100
_CASES = 5_000
_FAILING_CASES = 1_000
_MESSAGE = 4_000
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
State = Literal["passed", "failed", "error", "skipped"]
_STATES = {"error": "error", "failure": "failed", "skipped": "skipped"}
_WORST_FIRST: tuple[State, ...] = ("error", "failed", "skipped")


@dataclass(frozen=True)
class Report:
    """The cases, of a very long report the first ones and the first that failed."""

    cases: tuple[Case, ...] = ()
    problem: str = ""


def read_report(report: Path, tree: Path) -> Report:
    """Read the report, which must be in `tree`, and say what is wrong: with it, or with the cases in it."""
    if not report.is_file() or not report.resolve().is_relative_to(tree.resolve()):
        return Report(problem=f"it left no JUnit report at {report.relative_to(tree)}")
    try:
        with report.open("rb") as file:
            content = file.read(_BYTES + 1)
        if len(content) > _BYTES:
            return Report(problem="its JUnit report is too large, and was not read")
        return _parse(content.decode("utf-8-sig"))
    except _TooDeep:
        return Report(problem=f"its JUnit report is nested more than {_DEEPEST} deep, and was not read")
    except (OSError, ValueError, ElementTree.ParseError) as error:
        return Report(problem=f"its JUnit report is no XML in UTF-8: {plain(str(error))}")


def _parse(text: str) -> Report:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return Report(problem="its JUnit report declares entities, and was not read")
    text = _DECLARATION.sub("", text, count=1)
    cases = _Cases()
    parser = ElementTree.XMLParser(target=cases)  # noqa: S314  entities are refused above
    for start in range(0, len(text), _CHUNK):
        parser.feed(text[start : start + _CHUNK])
    parser.close()
    return Report(tuple(cases.kept), cases.problem())


class _TooDeep(Exception):
    pass


class _Cases:
    """Takes the parser's events, builds no tree, and counts more cases than it keeps."""

    def __init__(self) -> None:
        self.kept: list[Case] = []
        self._states: Counter[str] = Counter()
        self._first_failing: Case | None = None
        self._depth = 0
        self._case: dict[str, str] | None = None
        self._depth_of_case = 0
        self._found: dict[str, str] = {}
        self._within = ""
        self._is_told = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _TooDeep
        if tag == "testcase" and self._case is None:
            self._case, self._depth_of_case, self._found = attributes, self._depth, {}
        elif self._case is not None and self._depth == self._depth_of_case + 1:
            self._within = _STATES.get(tag, "")
            if self._within:
                self._found.setdefault(self._within, attributes.get("message", "")[:_MESSAGE])
                self._is_told = bool(self._found[self._within])

    def data(self, text: str) -> None:
        """Take text: the message of a case that has none as an attribute."""
        if self._within and not self._is_told and len(told := self._found[self._within]) < _MESSAGE:
            self._found[self._within] = told + text[:_MESSAGE]

    def end(self, _: str) -> None:
        if self._case is not None and self._depth == self._depth_of_case:
            self._count(self._case)
            self._case = None
        if self._depth == self._depth_of_case + 1:
            self._within = ""
        self._depth -= 1

    def close(self) -> None:
        """Take the end of the report."""

    def problem(self) -> str:
        """Say what is wrong with the cases; of those that failed, the first one with its message."""
        total = self._states.total()
        failing = self._states["failed"] + self._states["error"]
        if not total:
            return "its JUnit report holds no test case"
        if first := self._first_failing:
            return f"{failing} of {total} cases failed, first {first.name}: {first.message}"
        return "" if self._states["passed"] else "every test case was skipped"

    def _count(self, attributes: dict[str, str]) -> None:
        state: State = next((state for state in _WORST_FIRST if state in self._found), "passed")
        self._states[state] += 1
        is_failing = state in ("failed", "error")
        if len(self.kept) < _CASES or (is_failing and len(self.kept) < _CASES + _FAILING_CASES):
            self.kept.append(_case(attributes, state, self._found.get(state, "")))
            if is_failing and self._first_failing is None:
                self._first_failing = self.kept[-1]


def _case(attributes: dict[str, str], state: State, message: str) -> Case:
    name = plain(".".join(filter(None, (attributes.get("classname"), attributes.get("name")))))
    seconds = _seconds(attributes.get("time") or "0")
    return Case(name=name or "unnamed", state=state, message=plain(message, 400), seconds=seconds)


def _seconds(time: str) -> float:
    try:
        seconds = float(time)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < math.inf else 0.0
