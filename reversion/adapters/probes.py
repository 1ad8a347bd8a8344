"""What runs where: each service's version, read through Ansible on the host itself, in one run for all."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reversion.adapters.aliases import Member, Target, instances, make_alias, write_inventory
from reversion.adapters.ansible_run import Order, Ran, Result, message_of, run_playbook
from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import build_fence
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.versions import read_version
from reversion.environment import Instance, Observation
from reversion.errors import PlaybookFailed
from reversion.product import Observe
from reversion.text import plain

_TASK_TIMEOUT = 30
_URL_TIMEOUT = 10
_TIMEOUT = 900
_RETRIES = 5
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def observe(stage: Stage, taken_at: datetime, only: tuple[str, ...] = ()) -> Observation:
    """Read the version of every instance, or of the services in `only`.

    An instance that can't be read is told with its problem; raise PlaybookFailed where Ansible itself did not
    work.
    """
    targets = [t for t in instances(stage.product, stage.inventory) if not only or t.service in only]
    ran = _ask(stage, tuple(targets)) if targets else None
    seen = []
    for target in sorted(targets, key=lambda target: (target.service, target.host)):
        version, problem = seen_version(ran, target, stage) if ran else (None, "")
        seen.append(Instance(service=target.service, host=target.host, version=version, problem=problem))
    return Observation(environment=stage.environment.name, taken_at=taken_at, instances=tuple(seen))


def _ask(stage: Stage, targets: tuple[Target, ...]) -> Ran:
    around = surroundings(stage.tree, stage.environment)
    with run_directory() as run:
        fence = build_fence(run.fence, stage.inventory, around)
        plays = observation_plays(stage, targets, wait=False)
        members = tuple(make_watched(stage, target, {}) for target in targets)
        write_inventory(run.inventory, stage.inventory, members, fence)
        run.observation.write_text(plays, encoding="ascii")
        run.playbook.write_text(to_yaml([{"import_playbook": str(run.observation)}]), encoding="ascii")
        ran = run_playbook(run, around, fence, Order(_TIMEOUT, stage.say, stage.cancelled))
    if not ran.finished:
        raise PlaybookFailed(
            f"{stage.environment.name} could not be observed: {why_unfinished(ran, _TIMEOUT)}",
            "Mend what Ansible says, then try again.",
        )
    return ran


def make_watched(stage: Stage, target: Target, about: Mapping[str, str]) -> Member:
    """Build a target's alias that also knows how its version is read."""
    way = _way(stage, target)
    texts = _Texts()
    asked: Any = [texts.template(text) for text in way.command or (way.url or way.file or "",)]
    member = make_alias(stage.product, stage.inventory, target, about)
    return member.having(reversion_texts=texts.literals, reversion_asked=asked)


def observation_plays(stage: Stage, targets: tuple[Target, ...], *, wait: bool) -> str:
    """Write a play for each kind of reading. With `wait` a service gets some seconds to come up as wanted."""
    kinds: dict[str, list[str]] = {}
    for target in targets:
        kinds.setdefault(_kind(_way(stage, target)), []).append(target.alias)
    return to_yaml([_play(kind, aliases, wait=wait) for kind, aliases in kinds.items()]) + "\n"


def _way(stage: Stage, target: Target) -> Observe:
    return stage.product.service(target.service).observe or stage.environment.observe


def _kind(way: Observe) -> str:
    return "url" if way.url is not None else "file" if way.file is not None else "command"


_MODULES: Mapping[str, Mapping[str, Any]] = {
    "url": {
        "ansible.builtin.uri": {
            "url": "{{ reversion_asked[0] }}",
            "method": "GET",
            "return_content": True,
            "timeout": _URL_TIMEOUT,
            "use_proxy": False,
        }
    },
    "file": {"ansible.builtin.slurp": {"src": "{{ reversion_asked[0] }}"}},
    "command": {"ansible.builtin.command": {"argv": "{{ reversion_asked }}"}},
}


def _play(kind: str, aliases: list[str], *, wait: bool) -> dict[str, Any]:
    task = {"name": "Read the version", **_MODULES[kind], "register": "reversion_seen"}
    task |= {"timeout": _TASK_TIMEOUT, "check_mode": False, "changed_when": False}
    # What the product's ansible.cfg may say for its own playbooks must not hide or skip this.
    task |= {"no_log": False, "tags": ["always"]}
    # Ansible starts no further play once every host of one has failed.
    task |= {"ignore_errors": True, "ignore_unreachable": True}
    if wait and kind != "file":
        answer = "stdout" if kind == "command" else "content"
        seen = f"reversion_version in reversion_seen.{answer} | default('')"
        task |= {"until": f"reversion_seen is succeeded and {seen}", "retries": _RETRIES, "delay": 1}
    play = {"name": "Read what runs", "hosts": aliases, "gather_facts": False, "any_errors_fatal": False}
    return {**play, "tasks": [task]}


class _Texts:
    """Turns `{name}` into Ansible variables; the rest of a text is kept apart as data, never templated."""

    def __init__(self) -> None:
        self.literals: list[dict[str, str]] = []

    def template(self, text: str) -> str:
        parts = []
        for index, part in enumerate(_PLACEHOLDER.split(text)):
            if index % 2:
                parts.append("reversion_service" if part == "service" else part)
            elif part:
                parts.append(f"reversion_texts[{len(self.literals)}]")
                self.literals.append(data(part))
        return "{{ " + " ~ ".join(parts) + " }}"


def seen_version(ran: Ran, target: Target, stage: Stage) -> tuple[str | None, str]:
    """Return the version that the run's observation saw on a target, or None and why it could not be read."""
    way = _way(stage, target)
    last = observed(ran, target)
    if last is None:
        return None, "Ansible gave no result for it"
    if last.kind == "unreachable":
        return None, f"the host cannot be reached: {last.message}"
    answer: dict[str, Any] = json.loads(last.answer)
    text = _answered(way, answer)
    if last.kind == "failed" and (text is None or answer.get("status", 200) != 200 or answer.get("rc", 0) != 0):
        return None, _problem(last, answer)
    return read_version(text, way.field) if text is not None else (None, "the answer is too long or missing")


def observed(ran: Ran, target: Target) -> Result | None:
    """Return the last result of the run's observation of a target."""
    mine = [result for result in ran.results if result.observing and result.host == target.alias]
    return mine[-1] if mine else None


def _answered(way: Observe, answer: Mapping[str, Any]) -> str | None:
    found = answer.get("stdout" if way.command else "content")
    if not isinstance(found, str):
        return None
    if way.file is None:
        return found
    try:
        return base64.b64decode(found, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None


def _problem(result: Result, answer: Mapping[str, Any]) -> str:
    """Say in plain words why a version could not be read."""
    said = result.message
    status = answer.get("status")
    if "Connection refused" in said:
        return "the service refused the connection"
    if "timed out" in said.lower():
        return "the service did not answer in time"
    if isinstance(status, int) and status > 0:
        return f"the service answered HTTP {status}"
    if undefined := re.search(r"'(\w+)' is undefined", said):
        return f"the host has no variable '{undefined.group(1)}'"
    if "interpreter" in said and "not found" in said:
        return f"the host has no Python where Ansible looks for it: {said}"
    return said or message_of(answer)


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
