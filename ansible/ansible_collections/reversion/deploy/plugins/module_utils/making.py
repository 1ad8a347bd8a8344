# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Make a release from its artefact, in a folder that is not yet its own. Imported only where that is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.reversion.deploy.plugins.module_utils import artefact, files, unpacking
from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure


def rehearse(params: Mapping[str, Any]) -> None:
    """Check all of an artefact that can be checked without downloading it."""
    kind, digits = _asked(params)
    if kind != "directory" and not artefact.is_url(params["src"]):
        with artefact.opened(params["src"], digits, {}, ""):
            pass


def fill(params: Mapping[str, Any], stage: str) -> dict[str, str]:
    """Unpack the artefact into an empty folder and return what is to be remembered about it."""
    kind, digits = _asked(params)
    user, group = files.user_id(params["owner"]), files.group_id(params["group"])

    def own(path: str) -> None:
        if (user, group) != (-1, -1):
            os.lchown(path, user, group)

    own(stage)
    tree = unpacking.Tree(stage, params["strip"], own)
    if kind == "directory":
        unpacking.unpack(kind, params["src"], tree)
        return {"version": params["version"], "sha256": ""}
    with artefact.opened(params["src"], digits, params["headers"], f"{stage}.download") as opened:
        opened.name = params["file_name"] or opened.name
        unpacking.unpack(kind, opened, tree)
        return {"version": params["version"], "sha256": opened.sha256}


def _asked(params: Mapping[str, Any]) -> tuple[str, str | None]:
    src, digits = params["src"], artefact.wanted_sum(params["checksum"])
    artefact.check(src, params["checksum"])
    if not artefact.is_url(src) and not os.path.exists(src):
        raise Failure(f"there is no {src} on this host", "Bring the artefact there first, or give its address")
    kind = params["format"] if params["format"] != "auto" else artefact.format_of(src)
    if kind == "directory" and digits:
        raise Failure(f"{src} is a folder, which has no checksum", "Leave checksum out, or give an archive of it")
    return kind, digits
