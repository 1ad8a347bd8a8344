"""What every service of the shop shares: JSON over HTTP, configuration, calls to other services."""

import json
import socketserver
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HERE = Path(__file__).resolve().parent
VERSION = (HERE / "VERSION").read_text().strip()
CONFIGURATION: dict[str, Any] = json.loads((HERE / "config.json").read_text())
SETTINGS: dict[str, Any] = CONFIGURATION["settings"]
SINCE = time.time()
Route = Callable[[dict[str, Any]], Any]
_routes: dict[tuple[str, str], Route] = {}


class Problem(Exception):
    """What a service answers when it can't do what it was asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def route(method: str, path: str) -> Callable[[Route], Route]:
    """Answer with what the function returns for the query or the JSON body: text is HTML, the rest JSON."""

    def register(function: Route) -> Route:
        _routes[method, path] = function
        return function

    return register


def call(service: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask another service; with a body it is a POST."""
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(CONFIGURATION["services"][service] + path, data, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Problem(502, f"{service} says {error.code}: {json.load(error).get('problem')}") from error
    except OSError as error:
        raise Problem(502, f"{service} does not answer: {error}") from error


def secret(name: str) -> str:
    """Return one of the service's own secrets."""
    return str(json.loads((HERE / "secrets.json").read_text())[name])


def house_rules() -> dict[str, Any]:
    """Return what holds for the whole environment: the host's etc/shop.json, as it is now."""
    rules: dict[str, Any] = json.loads(Path(CONFIGURATION["house_rules"]).read_text())
    return rules


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

    def _answer(self, request: dict[str, Any]) -> None:
        function = _routes.get((self.command, urlsplit(self.path).path))
        try:
            status, answer = (200, function(request)) if function else (404, {"problem": "no such page"})
        except Problem as problem:
            status, answer = problem.status, {"problem": str(problem)}
        page = isinstance(answer, str)
        kind, text = ("text/html", answer) if page else ("application/json", json.dumps(answer))
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def server_bind(self) -> None:
        """Bind without asking DNS for the host's name, which takes seconds where there is none."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def serve(name: str) -> None:
    """Serve until the process is ended."""
    _routes["GET", "/version"] = lambda _: {"service": name, "version": VERSION}
    _routes["GET", "/health"] = lambda _: {"service": name, "version": VERSION, "since": SINCE}
    sys.stdout.write(f"{name} {VERSION} starts on {CONFIGURATION['address']}:{CONFIGURATION['port']}\n")
    sys.stdout.flush()
    _Server((CONFIGURATION["address"], CONFIGURATION["port"]), _Handler).serve_forever()
