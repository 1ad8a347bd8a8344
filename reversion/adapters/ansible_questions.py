"""Notices that a playbook waits for an answer: nobody will give one, so waiting for the time to be up is no use."""

import re
from collections.abc import Mapping
from typing import Any

from reversion.text import plain

_PAUSES = ("pause", "ansible.builtin.pause", "ansible.legacy.pause")
_PROMPT = re.compile(r"\[.+\]\r?\n.+:\s*$", re.DOTALL)


class Questions:
    """Hears the run's events. `asked` says which question was put; empty where there was none."""

    def __init__(self) -> None:
        self.asked = ""
        self._pausing = ""

    def hear(self, kind: str, told: Mapping[str, Any], printed: str) -> None:
        """Take one event. A `pause` for some seconds says so and is no question; one for a key ends in a prompt."""
        if kind == "playbook_on_vars_prompt":
            self.asked = f"the playbook asks for the variable '{plain(str(told.get('varname')), 80)}' (vars_prompt)"
        elif kind == "runner_on_start":
            is_pause = told.get("task_action") in _PAUSES
            self._pausing = plain(str(told.get("task")), 100) if is_pause else ""
        elif kind.startswith("runner_on_") or printed.startswith("Pausing for"):
            self._pausing = ""
        elif kind == "verbose" and self._pausing and _PROMPT.match(printed):
            self.asked = f"task '{self._pausing}' waits for somebody to press a key"
