"""The collection reads a version by the same rules as Reversion, whatever a service answers."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.reversion.deploy.plugins.module_utils import health, web

from reversion.adapters.versions import read_version

ANSWERS = (
    *(
        "1.4.0",
        " 1.4.0\n",
        "v1.4.0+build",
        "",
        "  ",
        "-1",
        "a b",
        "1" * 128,
        "1" * 129,
        "<html>",
        "1.4\u202e",
        "\x00",
    ),
    *('{"version": "1.4.0"}', '{"version": 1.10}', '{"version": 12}', '{"version": null}', '{"version": " 2 "}'),
    *('{"app": {"version": ["1", "2"]}}', '["3"]', "{", "[" * 100_000, '{"version": {"a": 1}}', '"1.4"', "NaN"),
)
FIELDS = (None, "version", "app.version.1", "app.version.9", "0", "app", "")


@pytest.mark.parametrize("field", FIELDS)
def test_both_read_the_same(field: str | None) -> None:
    ours = [health.read_version(answer, field) for answer in ANSWERS]

    assert ours == [read_version(answer, field) for answer in ANSWERS]


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers in all the ways that a service may."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = {
        "/plain": (200, {"Content-Length": "3"}, b"1.4"),
        "/open-ended": (200, {}, b"1.4"),
        "/cut": (200, {"Content-Length": "3"}, b"1.4 and more"),
        "/torn": (200, {"Content-Length": "5"}, b"1.4"),
        "/long": (200, {}, b"1" * 2000),
        "/chunked": (200, {"Transfer-Encoding": "chunked"}, b"3\r\n1.4\r\n0\r\n\r\n"),
        "/moved": (302, {"Location": "/plain"}, b""),
        "/missing": (404, {}, b"1.4"),
        "/down": (503, {}, b""),
        "/empty": (204, {}, b""),
    }

    def do_GET(self) -> None:
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/plain", ("1.4", "")),
        ("/open-ended", ("1.4", "")),
        ("/cut", ("1.4", "")),
        ("/torn", (None, "the answer is not whole")),
        ("/long", (None, "the answer is not whole")),
        ("/chunked", ("1.4", "")),
        ("/moved", ("1.4", "")),
        ("/missing", (None, "the service answered HTTP 404")),
        ("/down", (None, "the service answered HTTP 503")),
        ("/empty", (None, "the service answered HTTP 204")),
    ],
)
def test_any_proper_answer_of_a_web_service_is_read(odd: str, path: str, answer: tuple[str | None, str]) -> None:
    assert web.get(odd + path, 5, 1000) == answer


def way(**more: Any) -> dict[str, Any]:
    return {"url": None, "file": None, "command": None, "field": None, "timeout": 0.2, "interval": 0.05, **more}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"url": "http://127.0.0.1:1/"}, "the service refused the connection"),
        ({"url": "http://[/"}, "the address or the command is not one"),
        ({"url": "http://127.0.0.1:99999999/"}, "the address or the command is not one"),
        ({"url": "ftp://127.0.0.1/"}, "the address is neither http nor https"),
        ({"file": "/nowhere"}, "No such file or directory: /nowhere"),
        ({"command": ["/nowhere"]}, "No such file or directory: /nowhere"),
        ({"command": ["sh", "-c", "echo bad >&2; exit 3"]}, "the command ended with 3: bad"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_why_there_is_no_version_is_told(asked: dict[str, Any], problem: str) -> None:
    assert health.look(way(**asked)).problem == problem


def test_a_service_that_never_answers_is_not_waited_for() -> None:
    seen = health.wait(way(command=["sleep", "60"]), "1.4")

    assert seen.problem == "the command gave no answer in time"
