# What Ansible prints of results, cut short: they reach Reversion as events, and a result may be of any size.
# Loaded by Ansible, from whatever version runs the product's playbooks, and never by Reversion itself.

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
_TOLD = ("msg", "reason", "stderr", "module_stderr", "stdout", "censored")


class CallbackModule(Default):  # type: ignore[misc]  # Ansible ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "reversion_brief"

    def _dump_results(self, result: dict[str, Any], *_: Any, **_options: Any) -> str:
        brief = {key: str(result[key])[-_LONGEST:] for key in _TOLD if result.get(key)}
        return json.dumps({"reversion_brief": True, **brief})

    def _get_diff(self, _: Any) -> str:
        return ""
