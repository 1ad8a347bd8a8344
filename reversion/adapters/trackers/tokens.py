"""The token for a tracker: from the environment or from a Prefect Secret block; kept nowhere, shown nowhere."""

import os
import re
from pathlib import Path

from reversion.adapters.prefect_api import PrefectApi, find_address
from reversion.errors import TrackerFailed
from reversion.tracker_settings import Tracker


def read_token(tracker: Tracker, home: Path) -> str:
    """Return the token; raise TrackerFailed where it can't be had, ServerFailed where Prefect does not answer."""
    where = place_of(tracker)
    token = _from_environment(tracker.token) if tracker.token else _from_block(tracker.token_block or "", home)
    if not token:
        raise TrackerFailed(f"There is no token for {tracker.url}: {where} is not set.", pause=0)
    if not re.fullmatch(r"[\x21-\x7e]+", token) or '"' in token:
        raise TrackerFailed(f"{where} holds no token: it has spaces, quotes or other odd characters.", pause=0)
    return token


def place_of(tracker: Tracker) -> str:
    """Say where the token is found."""
    return tracker.token or f"the Secret block {tracker.token_block}"


def _from_environment(name: str) -> str:
    return os.environ.get(name, "").strip()


def _from_block(name: str, home: Path) -> str:
    path = f"/block_types/slug/secret/block_documents/name/{name}"
    block = PrefectApi(find_address(home)).read(f"{path}?include_secrets=true")
    value = block.get("data", {}).get("value") if isinstance(block, dict) else None
    return value.strip() if isinstance(value, str) else ""
