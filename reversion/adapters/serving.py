"""A Prefect server on this machine: where it listens, its password, its settings, its commands."""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import httpx

from reversion.adapters.prefect_api import AUTH_FILE, Address, given, read_auth, write_private
from reversion.errors import InvalidInput, WorldFailed
from reversion.text import Value

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}  # noqa: S104
_ELSEWHERE = (
    "PREFECT_API_KEY",
    "PREFECT_PROFILE",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_SERVER_API_AUTH_STRING",
)
_PREFECT = (sys.executable, "-m", "prefect")


class Place(Value):
    """Where a server listens."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        """Return the address that a browser on this machine uses."""
        return f"http://{_EVERYWHERE.get(self.host, self.host)}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Tell whether only this machine can reach it."""
        return self.host in ("127.0.0.1", "::1", "localhost")

    def require_free(self) -> None:
        """Raise WorldFailed when something else listens there."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise WorldFailed(
                    f"Port {self.port} of {self.host} can't be used: {error.strerror or error}.",
                    "Choose another one with --port, or stop what uses it.",
                ) from error


def secret(home: Path) -> str:
    """Return `user:password`: given by the environment, else made once and kept in a private file."""
    wanted = given("REVERSION_AUTH") or given("PREFECT_SERVER_API_AUTH_STRING")
    if wanted and ":" not in wanted:
        raise InvalidInput("REVERSION_AUTH is no user:password.", "Write both, with a colon between.")
    if wanted or not read_auth(home):
        write_private(home / AUTH_FILE, wanted or f"reversion:{secrets.token_urlsafe(24)}")
    return read_auth(home)


def settings(kind: str) -> dict[str, str]:
    """Return the settings that are shipped as deployments/<kind>.env."""
    lines = (files("deployments") / f"{kind}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def environment(home: Path, address: Address, place: Place) -> Mapping[str, str]:
    """Return the environment of all three processes: the shipped settings, this shell's own, then ours."""
    own = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    ours = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": address.url,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": place.origin,
        "REVERSION_HOME": str(home.parent),
        "PYTHONUNBUFFERED": "1",
    }
    if address.auth:
        ours |= {"PREFECT_API_AUTH_STRING": address.auth, "PREFECT_SERVER_API_AUTH_STRING": address.auth}
    return settings("server") | settings("worker") | own | ours


def server_command(place: Place) -> tuple[str, ...]:
    return (*_PREFECT, "server", "start", "--host", place.host, "--port", str(place.port))


def worker_command(product: str) -> tuple[str, ...]:
    return (*_PREFECT, "worker", "start", "--pool", f"reversion-{product}", "--type", "process")


def deploy_command(root: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "deployments.deploy", "--product", str(root))


def answers(address: Address) -> bool:
    """Tell whether the server is up."""
    try:
        return httpx.get(f"{address.url}/health", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
