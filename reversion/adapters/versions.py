"""A version, read out of what a service or a file answered. Pure."""

import json
import re
from typing import Any

from reversion.environment import VERSION_PATTERN
from reversion.text import plain


def read_version(text: str, field: str | None) -> tuple[str | None, str]:
    """Return the version, or None and why not. With a field the text is JSON; `a.b.0` names a value in it."""
    if field is None:
        return _checked(text.strip())
    try:
        document = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None, f"the answer is no JSON: '{plain(text, 60)}'"
    found = _follow(document, field)
    if not isinstance(found, str):
        return None, f"no field '{plain(field, 60)}' with a version in the answer"
    return _checked(found.strip())


def _checked(text: str) -> tuple[str | None, str]:
    if re.fullmatch(VERSION_PATTERN.rstrip("$"), text):
        return text, ""
    return None, f"not a version: '{plain(text, 60)}'" if text else "the answer is empty"


def _follow(document: Any, field: str) -> Any:
    for name in field.split("."):
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
