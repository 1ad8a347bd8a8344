"""The one play that reads versions: which hosts are asked, and how the product's texts reach them as data."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reversion.adapters.aliases import Target, make_alias, write_inventory
from reversion.adapters.ansible_run import Order, Ran, Result, run_playbook
from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import build_fence
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.product import Observe

TIMEOUT = 900
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LIBRARY = Path(__file__).with_name("library")
_TRIES = 6


def ask_hosts(
    stage: Stage, groups: tuple[tuple[Target, ...], ...], wanted: Mapping[str, str], hear: Callable[[Result], None]
) -> Ran:
    """Let the first target of each group ask for its whole group, which shares a host.

    Each result is heard as it comes. Where a version is wanted of a service, its host is asked a few times.
    """
    around = surroundings(stage.tree, stage.environment)
    with run_directory() as run:
        fence = build_fence(run.fence, stage.inventory, around)
        members = tuple(
            make_alias(stage.product, stage.inventory, target, {}).having(**_texts(stage, target))
            for group in groups
            for target in group
        )
        asking = {group[0].alias: [_ask(stage, target, wanted) for target in group] for group in groups}
        members = tuple(
            member.having(reversion_asks=asking[member.name]) if member.name in asking else member
            for member in members
        )
        write_inventory(run.inventory, stage.inventory, members, fence)
        run.library.symlink_to(_LIBRARY)
        run.playbook.write_text(to_yaml([_play(tuple(asking), retried=bool(wanted))]) + "\n", encoding="ascii")
        return run_playbook(run, around, fence, Order(TIMEOUT, _mute, stage.cancelled, hear))


def _mute(_host: str, _line: str) -> None:
    """Say nothing: what was seen is told by the observation."""


def _play(hosts: tuple[str, ...], *, retried: bool) -> dict[str, Any]:
    task: dict[str, Any] = {"name": "Read the versions", "reversion_probe": {"asks": "{{ reversion_asks }}"}}
    task |= {"register": "reversion_seen", "check_mode": False, "changed_when": False}
    # What the product's ansible.cfg may say for its own playbooks must not hide or skip this.
    task |= {"no_log": False, "tags": ["always"], "ignore_errors": True, "ignore_unreachable": True}
    if retried:
        task |= {"until": "reversion_seen.settled | default(false)", "retries": _TRIES - 1, "delay": 1}
    play = {"name": "Read what runs", "hosts": list(hosts), "gather_facts": False, "any_errors_fatal": False}
    return {**play, "strategy": "free", "tasks": [task]}


def way_of(stage: Stage, target: Target) -> Observe:
    return stage.product.service(target.service).observe or stage.environment.observe


def texts_of(way: Observe) -> tuple[str, ...]:
    return way.command or (way.url or way.file or "",)


def _ask(stage: Stage, target: Target, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Build one ask; its texts are rendered with the variables of the service's own alias, whoever asks."""
    way = way_of(stage, target)
    kind = "url" if way.url is not None else "file" if way.file is not None else "command"
    asked = f"hostvars['{target.alias}'].reversion_asked"
    texts = [f"{{{{ {asked}[{place}] | default(none) }}}}" for place in range(len(texts_of(way)))]
    return {"way": kind, "what": texts, "wanted": wanted.get(target.service, "")}


def _texts(stage: Stage, target: Target) -> dict[str, Any]:
    """Return what an alias's texts are made from: placeholders become variables, all else stays data."""
    literals: list[dict[str, str]] = []
    asked = [_template(text, literals) for text in texts_of(way_of(stage, target))]
    return {"reversion_texts": literals, "reversion_asked": asked}


def _template(text: str, literals: list[dict[str, str]]) -> str:
    parts = []
    for index, part in enumerate(PLACEHOLDER.split(text)):
        if index % 2:
            parts.append("reversion_service" if part == "service" else part)
        elif part:
            parts.append(f"reversion_texts[{len(literals)}]")
            literals.append(data(part))
    return "{{ " + " ~ ".join(parts) + " }}"
