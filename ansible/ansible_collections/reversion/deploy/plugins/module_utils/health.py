# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Which version a service has, read by the same rules as Reversion's own observation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.reversion.deploy.plugins.module_utils import web
from ansible_collections.reversion.deploy.plugins.module_utils.failure import plain

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,127}")
_ONE_TRY = 10.0
_LIMIT = 1 << 20


class Seen:
    """The version that was read, or None and why not."""

    def __init__(self, version: str | None, problem: str) -> None:
        self.version = version
        self.problem = problem

    def told(self) -> str:
        return f"it says {self.version}" if self.version else self.problem


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


def look(way: Mapping[str, Any], seconds: float = _ONE_TRY) -> Seen:
    """Ask once."""
    try:
        text, problem = _answer(way, min(seconds, _ONE_TRY))
    except subprocess.TimeoutExpired:
        text, problem = None, "the command gave no answer in time"
    except OSError as error:
        text, problem = None, _why(error)
    except ValueError:
        text, problem = None, "the address or the command is not one"
    return Seen(None, problem) if text is None else Seen(*read_version(text, way["field"]))


def wait(way: Mapping[str, Any], wanted: str) -> Seen:
    """Ask until the wanted version is there or the time is over; return what was seen last."""
    deadline = time.monotonic() + way["timeout"]
    pause = min(0.05, way["interval"])
    while True:
        seen = look(way, max(1.0, deadline - time.monotonic()))
        if seen.version == wanted or time.monotonic() + pause > deadline:
            return seen
        time.sleep(pause)
        pause = min(pause * 1.5, way["interval"])


def where(way: Mapping[str, Any]) -> str:
    """Say where the version is read; the query of an address may hold a token."""
    return str(way["url"].partition("?")[0] if way["url"] else way["file"] or f"the command {way['command'][:1]}")


def _answer(way: Mapping[str, Any], seconds: float) -> tuple[str | None, str]:
    if way["url"]:
        return web.get(way["url"], seconds, _LIMIT)
    if way["file"]:
        with open(way["file"], "rb") as file:
            return file.read(_LIMIT).decode("utf-8", "replace"), ""
    ran = subprocess.run(way["command"], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    said = (ran.stdout if not ran.returncode else ran.stderr or ran.stdout).decode("utf-8", "replace")
    if ran.returncode:
        return None, f"the command ended with {ran.returncode}: {plain(said, 120)}"
    return said, ""


def _why(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the service refused the connection"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "the service did not answer in time"
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    return f"{plain(error.strerror or str(error), 120)}{where}"


def _checked(text: str) -> tuple[str | None, str]:
    if VERSION.fullmatch(text):
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
