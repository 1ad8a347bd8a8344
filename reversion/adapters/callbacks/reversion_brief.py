# What Ansible prints of results, cut short: they reach Reversion as events, and a result may be of any size.
# Loaded by Ansible, from whatever version runs the product's playbooks, and never by Reversion itself.

import gc
import json
from typing import Any

import ansible.constants as constants
from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
name: reversion_brief
type: stdout
short_description: Ansible's default output with results cut short
extends_documentation_fragment: [default_callback]
"""

_LONGEST = 2_000
_SELDOM = 100_000
_POLL = "DEFAULT_INTERNAL_POLL_INTERVAL"
_POLL_SECONDS = 0.02
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
        # Where services go through a play by themselves, Ansible looks at each of them a thousand times a second. No
        # variable sets this, so it is set here, unless ansible.cfg does.
        if constants.config.get_config_value_and_origin(_POLL)[1] == "default":
            setattr(constants, _POLL, _POLL_SECONDS)
        super().v2_playbook_on_play_start(play)

    def _dump_results(self, result: dict[str, Any], *_: Any, **_options: Any) -> str:
        brief = {key: str(result[key])[-_LONGEST:] for key in _TOLD if result.get(key)}
        return json.dumps({"reversion_brief": True, **brief})

    def _get_diff(self, _: Any) -> str:
        return ""
