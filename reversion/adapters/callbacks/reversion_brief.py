# What Ansible prints of results, cut short: they reach Reversion as events, and a result may be of any size.
# Loaded by Ansible, from whatever version runs the product's playbooks, and never by Reversion itself.

import gc
import json
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
name: reversion_brief
type: stdout
short_description: Ansible's default output with results cut short
extends_documentation_fragment: [default_callback]
"""

_LONGEST = 2_000
_SELDOM = 100_000
_TOLD = ("msg", "reason", "stderr", "module_stderr", "stdout", "censored")


class CallbackModule(Default):  # type: ignore[misc]  # Ansible ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "reversion_brief"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        # Ansible forks for every task and host. Were the garbage collector to visit there what was loaded before, the
        # kernel would have to copy all of it, each time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_SELDOM, *gc.get_threshold()[1:])
        super().v2_playbook_on_play_start(play)

    def _dump_results(self, result: dict[str, Any], *_: Any, **_options: Any) -> str:
        brief = {key: str(result[key])[-_LONGEST:] for key in _TOLD if result.get(key)}
        return json.dumps({"reversion_brief": True, **brief})

    def _get_diff(self, _: Any) -> str:
        return ""
