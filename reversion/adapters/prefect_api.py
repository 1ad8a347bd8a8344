"""Prefect's REST API: finding the server, logging in, trying again, and its refusals as our errors."""

import os
import random
import time
from pathlib import Path
from typing import Any

import httpx

from reversion.errors import InvalidInput, ServerFailed, WorldFailed
from reversion.text import Value, plain

DEFAULT_URL = "http://127.0.0.1:4200/api"
SERVED = "serve.json"
AUTH_FILE = "auth"
PAGE = 200
_AGAIN = (429, 500, 502, 503, 504)
_HOPELESS = (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL)
_TRIES = 14
"""Half a minute: so long SQLite may keep others waiting while fifty runs start at once."""
Body = dict[str, Any] | list[dict[str, Any]]


class Address(Value):
    """Where a server answers, and the `user:password` it asks for; without one, nobody has to log in."""

    url: str = DEFAULT_URL
    auth: str = ""

    @property
    def page(self) -> str:
        """Return the address for a browser."""
        return self.url.removesuffix("/api")


def find_address(home: Path) -> Address:
    """Take the server of PREFECT_API_URL, else the one that `reversion serve` started, else the usual one.

    The password kept in `home` is only ever sent to the server that it was made for. Raise InvalidInput where a
    variable can't be meant.
    """
    url, auth = given("PREFECT_API_URL"), given("PREFECT_API_AUTH_STRING")
    if url and not _is_address(url):
        raise InvalidInput("PREFECT_API_URL is no address of a server.", "Write it as in http://127.0.0.1:4200/api.")
    served = read_served(home)
    if url and not (served and url.rstrip("/") == served.url):
        return Address(url=url.rstrip("/"), auth=auth)
    return Address(url=served.url, auth=auth or served.auth) if served else Address(auth=auth)


def given(name: str) -> str:
    """Return an environment variable, empty where unset; raise InvalidInput where it is no text."""
    text = os.environ.get(name, "")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name} is not UTF-8.", "Set it anew.") from error
    return text


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)


def read_served(home: Path) -> Address | None:
    """Return the address that `reversion serve` wrote last, or None."""
    try:
        served = Address.model_validate_json((home / SERVED).read_bytes())
    except (OSError, ValueError):
        return None
    return Address(url=served.url, auth=read_auth(home) if served.auth else "")


def read_auth(home: Path) -> str:
    """Return the kept `user:password`; empty where there is none. Raise WorldFailed where it can't be read."""
    kept = home / AUTH_FILE
    try:
        return kept.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WorldFailed(
            f"The password in {kept} can't be read: {why}.",
            "Move it away; 'reversion serve' makes a new one.",
        ) from error


def write_served(home: Path, address: Address) -> None:
    """Leave the address for other commands, with word whether a password is needed, but not the password."""
    told = Address(url=address.url, auth=f"see the file {AUTH_FILE}" if address.auth else "")
    write_private(home / SERVED, told.model_dump_json())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all; raise WorldFailed where that can't be."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise WorldFailed(f"{path} can't be written: {error.strerror}.", "Move away what is there.") from error


class PrefectApi:
    """One server. What is safe to say twice is said again when the server is busy; the rest is said once."""

    def __init__(self, address: Address) -> None:
        user, _, password = address.auth.partition(":")
        self.address = address
        self._client = httpx.Client(
            base_url=address.url, auth=(user, password) if address.auth else None, timeout=30, trust_env=False
        )

    def read(self, path: str) -> Any:
        """GET; None where there is no such thing."""
        return self._checked(self._again("GET", path, None))

    def ask(self, path: str, body: Body) -> Any:
        """POST a question, or an order that the server takes only once; None where there is no such thing."""
        return self._checked(self._again("POST", path, body))

    def ask_all(self, path: str, body: dict[str, Any]) -> list[Any]:
        """POST a question again and again until all pages of its answer are there."""
        found: list[Any] = []
        while True:
            page = self.ask(path, body | {"limit": PAGE, "offset": len(found)}) or []
            found += page
            if len(page) < PAGE:
                return found

    def change(self, path: str, body: dict[str, Any]) -> Any:
        """PATCH; None where there is no such thing."""
        return self._checked(self._again("PATCH", path, body))

    def remove(self, path: str) -> Any:
        """DELETE; None where there is no such thing."""
        return self._checked(self._again("DELETE", path, None))

    def order(self, path: str, body: dict[str, Any]) -> Any:
        """POST once; None where the server was busy or silent, so that the caller looks what came of it."""
        try:
            answer = self._client.post(path, json=body)
        except httpx.ConnectError as error:
            raise self._silent(error) from error
        except httpx.TransportError:
            return None
        return None if answer.status_code in _AGAIN else self._checked(answer)

    def _again(self, method: str, path: str, body: Body | None) -> httpx.Response:
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            try:
                answer = self._client.request(method, path, json=body)
                if answer.status_code not in _AGAIN or last:
                    return answer
            except _HOPELESS as error:
                raise self._silent(error) from error
            except httpx.TransportError as error:
                if last:
                    raise self._silent(error) from error
            time.sleep(min(0.2 * 2**attempt, 3) * random.uniform(0.7, 1.3))  # noqa: S311
        raise AssertionError("unreachable")

    def _silent(self, error: Exception) -> ServerFailed:
        return ServerFailed(
            f"No Prefect server answers at {self.address.url} ({plain(str(error), 120)}).",
            "Start one with 'reversion serve', or name one with PREFECT_API_URL.",
        )

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code in (401, 403):
            raise ServerFailed(
                f"The Prefect server at {self.address.url} did not let us in.",
                "Set PREFECT_API_AUTH_STRING to its user:password.",
            )
        if answer.status_code == 404:
            return None
        if answer.status_code in (400, 409, 422):
            raise InvalidInput(f"Prefect refused: {_detail(answer)}.", "Correct it and try again.")
        if not answer.is_success:
            raise ServerFailed(
                f"The Prefect server answered {answer.status_code}: {_detail(answer)}.",
                "Try again in a minute, and see its log. One that is often busy needs PostgreSQL.",
            )
        try:
            return answer.json() if answer.content else {}
        except ValueError as error:
            raise ServerFailed(
                f"What answers at {self.address.url} is no Prefect API.",
                "Its address ends in /api, as in http://127.0.0.1:4200/api.",
            ) from error


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return plain(answer.text, 300) or "it gave no reason"
    told = body.get("detail") or body.get("exception_message") or body if isinstance(body, dict) else body
    return plain(str(told), 300).rstrip(".")
