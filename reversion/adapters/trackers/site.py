"""One tracker's site: questions over HTTP that are bounded in time and size, and what goes wrong in our words."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from reversion.errors import TrackerFailed
from reversion.text import plain

LARGEST = 4 << 20
LONGEST_PAUSE = 3600.0
_REFUSED = (401, 403)
_BUSY = (429, 503)
_Answer = TypeVar("_Answer")


class TooSlow(TrackerFailed):
    """The time is over."""


class Site:
    """A tracker at an address, asked until the moment `ends` (of the monotonic clock) and not after.

    The headers, which hold the token, go to this address alone: no redirect is followed.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ends: float, *, token_from: str) -> None:
        self._url = url
        self._ends = ends
        self._token_from = token_from
        # The environment names proxies and certificate authorities; neither is wanted on this machine.
        self._client = httpx.Client(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            follow_redirects=False,
            trust_env=url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def get(self, path: str, answer: type[_Answer], **parameters: Any) -> _Answer | None:
        """Ask; None where there is no such thing."""
        return self._ask("GET", path, answer, params=parameters)

    def post(self, path: str, answer: type[_Answer], body: Mapping[str, Any]) -> _Answer | None:
        """Put a question that does not fit into an address; None where there is no such thing."""
        return self._ask("POST", path, answer, json=dict(body))

    def failed(self, said: str, todo: str = "", pause: float = 300) -> TrackerFailed:
        """Say what is wrong with this site."""
        return TrackerFailed(f"The tracker at {self._url} {said}.", todo, pause)

    def _ask(self, method: str, path: str, kind: type[_Answer], **request: Any) -> _Answer | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._too_slow()
        try:
            with self._client.stream(method, f"{self._url}{path}", timeout=left, **request) as response:
                if response.status_code == 404:
                    return None
                self._check(response)
                body = self._read(response)
        except httpx.TimeoutException as error:
            raise self._too_slow() from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self.failed(f"did not answer: {plain(str(error), 120) or type(error).__name__}") from error
        try:
            return TypeAdapter(kind).validate_json(body)
        except ValidationError as error:
            raise self.failed("answered with something else than its API does", "Check its url.") from error

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"The tracker at {self._url} did not answer in time.")

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        headers = response.headers
        is_limit = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
        if status in _BUSY or (status == 403 and is_limit):
            raise self.failed(f"is busy ({status})", pause=_pause(headers))
        if status in _REFUSED:
            raise self.failed(f"did not let us in ({status})", f"Check the token in {self._token_from}.")
        if response.is_redirect:
            raise self.failed(f"sent us elsewhere ({status}), where the token does not go", "Check its url.")
        if not response.is_success:
            raise self.failed(f"answered {status}")

    def _read(self, response: httpx.Response) -> bytes:
        """Read the body as it was sent; one that is packed, though we asked for none such, is not unpacked."""
        body = bytearray()
        for part in response.iter_raw():
            body += part
            if len(body) > LARGEST:
                raise self.failed(f"answered with more than {LARGEST >> 20} MiB")
            if time.monotonic() > self._ends:
                raise self._too_slow()
        return bytes(body)


class Lenient(BaseModel):
    """A part of an answer: what we do not know in it is passed over."""


def _pause(headers: httpx.Headers) -> float:
    """Return for how many seconds the site wants to be left alone; at most an hour."""
    said = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}", said):
        return min(max(float(said), 1), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(said)
        return min(max((until - datetime.now(UTC)).total_seconds(), 1), LONGEST_PAUSE)
    except (TypeError, ValueError):
        return 300
