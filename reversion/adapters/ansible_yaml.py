"""YAML that Ansible reads back exactly: encrypted stays encrypted, data data, templates templates. Pure.

Takes what JSON can say. As in Ansible's own JSON, an object with the one key `__ansible_vault` is an
encrypted value and one with `__ansible_unsafe` is text that must never be templated; `data` makes the latter.
"""

import json
import re
from typing import Any

_MARKS = {"__ansible_vault": "!vault", "__ansible_unsafe": "!unsafe"}
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


def data(text: str) -> dict[str, str]:
    """Mark text so that Ansible takes it literally, whatever it holds."""
    return {"__ansible_unsafe": text}


def to_yaml(value: Any) -> str:
    """Write the value as one line of YAML, in ASCII."""
    if isinstance(value, dict):
        if len(value) == 1 and (mark := _MARKS.get(next(iter(value)))):
            return _marked(mark, str(next(iter(value.values()))))
        return "{" + ", ".join(f"{_text(str(key))}: {to_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(to_yaml(item) for item in value) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _marked(mark: str, text: str) -> str:
    """Write marked text. Ansible guesses the type of `!unsafe` text anew, quoted or not: "1.10" would become 1.1.

    So the mark is left out where it is not needed; what looks like a template never looks like a number.
    """
    is_harmless = mark == "!unsafe" and "{" not in text and not text.startswith("#")
    return _text(text) if is_harmless else f"{mark} {_text(text)}"


def _text(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _NOT_PLAIN.sub(lambda found: f"\\U{ord(found.group()):08x}", quoted)
