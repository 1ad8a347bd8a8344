"""What runs where: each service's version, read through Ansible on the host itself, in one run for the environment."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reversion.adapters.aliases import Target, instances, make_alias, write_inventory
from reversion.adapters.ansible_run import Order, Ran, Result, message_of, run_playbook
from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import build_fence
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.versions import read_version
from reversion.environment import Instance, Observation
from reversion.errors import PlaybookFailed
from reversion.product import Environment, Observe, Product
from reversion.text import plain

_TASK_TIMEOUT = 30
_URL_TIMEOUT = 10
_TIMEOUT = 900
_RETRIES = 5
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def observe(stage: Stage, taken_at: datetime, only: tuple[str, ...] = ()) -> Observation:
    """Read the version of every instance, or of the services in `only`.

    An instance that can't be read is told with its problem; raise PlaybookFailed where Ansible itself did not work.
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
        plays = observation_plays(stage.product, stage.environment, targets, wait=False)
        members = tuple(make_alias(stage.product, stage.inventory, target, {}) for target in targets)
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


def observation_plays(
    product: Product, environment: Environment, targets: tuple[Target, ...], *, wait: bool
) -> str:
    """Write one play for each way to read a version. With `wait` a service gets some seconds to come up as wanted."""
    ways: dict[Observe, list[str]] = {}
    for target in targets:
        way = product.service(target.service).observe or environment.observe
        ways.setdefault(way, []).append(target.alias)
    return to_yaml([_play(way, aliases, wait=wait) for way, aliases in ways.items()]) + "\n"


def _play(way: Observe, aliases: list[str], *, wait: bool) -> dict[str, Any]:
    texts = _Texts()
    task = {"name": "Read the version", **_module(way, texts), "register": "reversion_seen"}
    task |= {"timeout": _TASK_TIMEOUT, "check_mode": False, "changed_when": False}
    if wait and way.file is None:
        answer = "stdout" if way.command else "content"
        task |= {
            "until": f"reversion_seen is succeeded and reversion_version in reversion_seen.{answer} | default('')",
            "retries": _RETRIES,
            "delay": 1,
        }
    return {
        "name": "Read what runs",
        "hosts": aliases,
        "gather_facts": False,
        "vars": {"reversion_texts": texts.literals},
        "tasks": [task],
    }


class _Texts:
    """Turns `{name}` into Ansible variables; the rest of a text is kept apart as data, so it is never templated."""

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


def _module(way: Observe, texts: _Texts) -> dict[str, Any]:
    if way.url is not None:
        return {
            "ansible.builtin.uri": {
                "url": texts.template(way.url),
                "method": "GET",
                "return_content": True,
                "timeout": _URL_TIMEOUT,
                "use_proxy": False,
            }
        }
    if way.file is not None:
        return {"ansible.builtin.slurp": {"src": texts.template(way.file)}}
    return {"ansible.builtin.command": {"argv": [texts.template(text) for text in way.command or ()]}}


def seen_version(ran: Ran, target: Target, stage: Stage) -> tuple[str | None, str]:
    """Return the version that the run's observation saw on a target, or None and why it could not be read."""
    way = stage.product.service(target.service).observe or stage.environment.observe
    mine = [result for result in ran.results if result.observing and result.host == target.alias]
    if not mine:
        return None, "Ansible gave no result for it"
    last = mine[-1]
    if last.kind == "unreachable":
        return None, f"the host cannot be reached: {last.message}"
    answer: dict[str, Any] = json.loads(last.answer)
    text = _answered(way, answer)
    if last.kind == "failed" and (
        text is None or answer.get("status", 200) != 200 or answer.get("rc", 0) != 0
    ):
        return None, _problem(last, answer)
    return read_version(text, way.field) if text is not None else (None, "the answer is too long or missing")


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
    lines = [line for line in ran.said.splitlines() if line.strip() and not line.startswith("[WARNING]")]
    told = plain(" ".join(lines), 500)
    return f"Ansible ended without a result: {told or 'it gave no reason'}"
