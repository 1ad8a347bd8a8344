"""How a product's Prefect server is: whether it answers, has workers, and agrees on the time."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from reversion.adapters.prefect_api import Address
from reversion.errors import ServerFailed
from reversion.text import Value, plain

_PATIENCE = 10


class Health(Value):
    """What was seen of a server: names of the online workers, and how far its clock is ahead of ours, in seconds."""

    url: str
    workers: tuple[str, ...]
    ahead: float | None


def read_health(address: Address, product: str) -> Health:
    """Ask the server once; raise ServerFailed where it does not answer, let us in, or know the product's pool."""
    user, _, password = address.auth.partition(":")
    auth = (user, password) if address.auth else None
    try:
        with httpx.Client(base_url=address.url, auth=auth, timeout=_PATIENCE, trust_env=False) as client:
            ahead = _ahead(client.get("/health"))
            pool = f"reversion-{product}"
            answer = client.post(f"/work_pools/{pool}/workers/filter", json={})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerFailed(
            f"No Prefect server answers at {address.url} ({plain(str(error), 120)}).",
            "Start one with 'reversion serve', or name one with PREFECT_API_URL.",
        ) from error
    if answer.status_code in (401, 403):
        raise ServerFailed(
            f"The Prefect server at {address.url} did not let us in.",
            "Set PREFECT_API_AUTH_STRING to its user:password.",
        )
    if answer.status_code == 404:
        raise ServerFailed(
            f"The Prefect server at {address.url} does not know the work pool {pool}.",
            "Tell it about the product: 'reversion serve', or python -m deployments.deploy.",
        )
    return Health(url=address.url, workers=_online(address, answer), ahead=ahead)


def _ahead(answer: httpx.Response) -> float | None:
    """Compare the answer's Date, a whole second, with our clock."""
    try:
        there = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return (there - datetime.now(UTC)).total_seconds() + 0.5


def _online(address: Address, answer: httpx.Response) -> tuple[str, ...]:
    try:
        listed = answer.raise_for_status().json()
        return tuple(plain(str(one["name"])) for one in listed if one["status"] == "ONLINE")
    except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
        raise ServerFailed(
            f"What answers at {address.url} is no Prefect API.",
            "Its address ends in /api, as in http://127.0.0.1:4200/api.",
        ) from error
