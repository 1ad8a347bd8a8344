"""What runs where: each service's version, read through Ansible on the host itself, in one run for all.

One module call a host reads all of its services, side by side.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from reversion.adapters.aliases import Target, instances
from reversion.adapters.ansible_run import Ran, Result
from reversion.adapters.probe_plays import PLACEHOLDER, TIMEOUT, ask_hosts, texts_of, way_of
from reversion.adapters.stage import Stage
from reversion.adapters.versions import read_version
from reversion.environment import Instance, Observation
from reversion.errors import PlaybookFailed
from reversion.text import plain

UNREACHED = "the host cannot be reached"


def observe(stage: Stage, taken_at: datetime, only: tuple[str, ...] = ()) -> Observation:
    """Read the version of every instance, or of the services in `only`.

    An instance that can't be read is told with its problem; raise PlaybookFailed where Ansible itself did not
    work.
    """
    targets = tuple(t for t in instances(stage.product, stage.inventory) if not only or t.service in only)
    return Observation(environment=stage.environment.name, taken_at=taken_at, instances=look(stage, targets))


@dataclass(frozen=True)
class Expected:
    """The versions that services are expected to come up with, and who is told of each instance as it is seen."""

    versions: Mapping[str, str] = field(default_factory=dict)
    seen: Callable[[Instance], None] = lambda _: None


def look(stage: Stage, targets: tuple[Target, ...], expected: Expected | None = None) -> tuple[Instance, ...]:
    """Read these targets' versions, sorted by service and host; where one is expected, a few times until it is seen.

    An instance whose host could not be asked at all because of another one's settings is asked again by itself.
    """
    if not targets:
        return ()
    look = _Look(stage, expected or Expected())
    look.ask(_by_host(targets))
    if apart := look.unanswered():
        look.ask(tuple((target,) for target in apart))
    return tuple(sorted(look.told(targets), key=lambda seen: (seen.service, seen.host)))


def _by_host(targets: tuple[Target, ...]) -> tuple[tuple[Target, ...], ...]:
    hosts: dict[str, list[Target]] = {}
    for target in targets:
        hosts.setdefault(target.host, []).append(target)
    return tuple(tuple(group) for group in hosts.values())


class _Answer(BaseModel):
    """What the module says of one service."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    text: str | None = None
    problem: str = ""
    undefined: bool = False


class _Answers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    answers: tuple[_Answer, ...] = ()


class _Look:
    """One look at some instances, asked in groups that share a host; the first of a group asks for all of it."""

    def __init__(self, stage: Stage, expected: Expected) -> None:
        self._stage = stage
        self._expected = expected
        self._groups: dict[str, tuple[Target, ...]] = {}
        self._found: dict[Target, Instance] = {}
        self._failed: dict[Target, Result] = {}

    def ask(self, groups: tuple[tuple[Target, ...], ...]) -> None:
        """Ask all groups in one run of Ansible; raise PlaybookFailed where that did not work."""
        self._groups = {group[0].alias: group for group in groups}
        self._failed = {}
        ran = ask_hosts(self._stage, groups, self._expected.versions, self._hear)
        if not ran.finished:
            raise PlaybookFailed(
                f"{self._stage.environment.name} could not be observed: {why_unfinished(ran, TIMEOUT)}",
                "Mend what Ansible says, then try again.",
            )

    def unanswered(self) -> tuple[Target, ...]:
        """Return those of groups of several that Ansible failed to ask, though the host was there."""
        return tuple(
            target
            for group in self._groups.values()
            for target in group
            if len(group) > 1 and target not in self._found and self._is_worth_asking(target)
        )

    def _is_worth_asking(self, target: Target) -> bool:
        last = self._failed.get(target)
        return last is None or last.kind != "unreachable"

    def told(self, targets: tuple[Target, ...]) -> tuple[Instance, ...]:
        return tuple(self._found.get(target) or self._unread(target) for target in targets)

    def _unread(self, target: Target) -> Instance:
        last = self._failed.get(target)
        problem = _why_unread(last) if last else "Ansible gave no result for it"
        return Instance(service=target.service, host=target.host, problem=problem)

    def _hear(self, result: Result) -> None:
        """Take a host's answers, or that there are none; the event may come several times for a host."""
        group = self._groups.get(result.host, ())
        answers = _answers(result)
        if len(answers) != len(group):
            self._failed |= dict.fromkeys(group, result)
            return
        for target, answer in zip(group, answers, strict=True):
            self._take(target, self._instance(target, answer))

    def _take(self, target: Target, seen: Instance) -> None:
        is_news = self._found.get(target) != seen
        self._found[target] = seen
        if is_news:
            self._expected.seen(seen)

    def _instance(self, target: Target, answer: _Answer) -> Instance:
        version, problem = self._read(target, answer)
        return Instance(service=target.service, host=target.host, version=version, problem=plain(problem, 500))

    def _read(self, target: Target, answer: _Answer) -> tuple[str | None, str]:
        way = way_of(self._stage, target)
        if answer.undefined:
            return None, _undefined(self._stage, target)
        if answer.problem or answer.text is None:
            return None, answer.problem or "the answer is too long or missing"
        return read_version(answer.text, way.field)


def _answers(result: Result) -> tuple[_Answer, ...]:
    try:
        return _Answers.model_validate_json(result.answer).answers
    except ValidationError:
        return ()


def _why_unread(result: Result) -> str:
    if result.kind == "unreachable":
        return f"{UNREACHED}: {result.message}"
    if undefined := re.search(r"'(\w+)' is undefined", result.message):
        return f"the host has no variable '{undefined.group(1)}'"
    if "interpreter" in result.message and "not found" in result.message:
        return f"the host has no Python where Ansible looks for it: {result.message}"
    return result.message


def _undefined(stage: Stage, target: Target) -> str:
    """Name the variable that a text needs and the host does not have."""
    known = {*json.loads(stage.inventory.host(target.host).variables), *json.loads(stage.inventory.variables)}
    known |= {*stage.product.service(target.service).variables, "service", "reversion_host", "inventory_hostname"}
    named = [name for text in texts_of(way_of(stage, target)) for name in PLACEHOLDER.findall(text)]
    missing = [name for name in named if name not in known]
    if missing:
        return f"the host has no variable '{missing[0]}'"
    return f"a variable that {' or '.join(dict.fromkeys(named))} is made of is missing on the host"


def why_unfinished(ran: Ran, seconds: int) -> str:
    """Say why a run has no statistics."""
    if ran.status == "timeout":
        return f"it was not done within {seconds} seconds and was stopped."
    if ran.status == "canceled":
        return "it was cancelled."
    if ran.status == "asked":
        return f"{ran.said}, and nobody is there to answer, so it was stopped."
    lines = [line for line in ran.said.splitlines() if line.strip() and not line.startswith("[WARNING]")]
    told = plain(" ".join(lines), 500)
    return f"Ansible ended without a result: {told or 'it gave no reason'}"
