"""The README does not lie: its example loads, its commands exist, its links lead somewhere."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reversion.adapters.documents import read_product
from reversion.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
ALERTS = [
    next(
        block
        for block in re.findall(r"```(?:ba)?sh\n(.*?)```", page.read_text(), re.DOTALL)
        if "idempotency_key" in block
    )
    for page in (ROOT / "README.md", ROOT / "docs/operations.md")
]


class Refusing(BaseHTTPRequestHandler):
    """Knows the deployment, and takes no run of it."""

    def do_GET(self) -> None:
        self._reply(200, {"id": "1208499b"})

    def do_POST(self) -> None:
        self._reply(409, {"detail": f"no snapshot of that name: {self.path}"})

    def _reply(self, status: int, body: dict[str, str]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def send_alert(script: str, home: Path, port: int) -> subprocess.CompletedProcess[str]:
    """Run the script as it is printed, but for the server's port."""
    auth = home / ".local/state/reversion/shop/auth"
    auth.parent.mkdir(parents=True)
    auth.write_text("shop:secret\n")
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "no_proxy": "*"}
    asked = script.replace(":4200/", f":{port}/")
    return subprocess.run(["sh"], input=asked, env=own, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("script", ALERTS, ids=["README", "operations"])
def test_an_alert_that_reaches_no_server_ends_with_what_curl_says(script: str, tmp_path: Path):
    done = send_alert(script, tmp_path, 9)

    assert done.returncode != 0
    assert (done.stdout, len(done.stderr.splitlines()), done.stderr[:6]) == ("", 1, "curl: "), done.stderr


@pytest.mark.parametrize("script", ALERTS, ids=["README", "operations"])
def test_an_alert_that_is_refused_shows_what_the_server_answered(script: str, tmp_path: Path, refusing: int):
    done = send_alert(script, tmp_path, refusing)

    assert done.returncode != 0
    assert json.loads(done.stdout)["detail"].endswith("/deployments/1208499b/create_flow_run")


def test_the_example_product_file_loads():
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert block
    text = re.sub(r"^ {3}", "", block.group(1), flags=re.MULTILINE)
    files = ("ansible/restore.yml", "ansible/roles/release/tasks/main.yml")
    inventories = ("ansible/inventories/staging/hosts.yml", "ansible/inventories/live/hosts.yml")

    product = read_product(text.encode(), "README.md", (*files, *inventories))

    assert set(product.environments) == {"staging", "live"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named(command: str):
    assert re.search(rf"\b{command}\b", README)


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^\s*\$? ?reversion (?:--product \S+ )?(\w+)", README, re.MULTILINE)))
)
def test_every_command_that_is_shown_exists(command: str):
    assert command in COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path):
    text = re.sub(r"`[^`\n]*`", "", page.read_text())
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []
