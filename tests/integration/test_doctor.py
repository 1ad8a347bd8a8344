"""The doctor looks at everything, tells each thing that is wrong with its mend, and goes on to the next."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from reversion.adapters.prefect_api import Address
from reversion.adapters.server_health import read_health
from reversion.commands.doctor import doctor_command
from reversion.errors import ServerFailed
from reversion.operations.doctor import examine
from reversion.operations.findings import Finding
from tests.small_product import SmallProduct, make_small_product


class FakeServer(ThreadingHTTPServer):
    """Answers as a Prefect server does: health, and the workers of one pool."""

    workers: str = '[{"name": "w1", "status": "ONLINE"}, {"name": "w2", "status": "OFFLINE"}]'
    date: str | None = None
    status = 200


class Answer(BaseHTTPRequestHandler):
    server: FakeServer

    def do_GET(self) -> None:
        self._say("true")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == "/api/work_pools/reversion-small/workers/filter"
        self._say(self.server.workers, self.server.status if known else 404)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _say(self, text: str, status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def server():
    with FakeServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: FakeServer) -> Address:
    return Address(url=f"http://127.0.0.1:{server.server_address[1]}/api")


@pytest.fixture
def small(tmp_path, monkeypatch, server) -> SmallProduct:
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_API_URL", address(server).url)
    return make_small_product(tmp_path)


def change(small: SmallProduct, *pairs: tuple[str, str]) -> None:
    text = (small.product / "reversion.yaml").read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    small.git().commit("Change", {"reversion.yaml": text})


def found(small: SmallProduct) -> list[Finding]:
    return list(examine(str(small.product)))


def said(findings: list[Finding], *states: str) -> str:
    return "\n".join(f"{f.state} {f.subject}: {f.message} {f.todo}" for f in findings if f.state in states)


def test_a_healthy_product_has_no_failure(small):
    findings = found(small)

    assert said(findings, "fail") == ""
    assert "ok environment staging: 3 instances were read." in said(findings, "ok")
    assert "ok service cart: Its repository is whole, and knows 2 versions that run." in said(findings, "ok")
    assert "ok environment live: Its inventory has 1 host." in said(findings, "ok")
    assert "ok worker: 1 online." in said(findings, "ok")
    assert "warn environment staging: No snapshot of staging is verified" in said(findings, "warn")


def test_everything_that_is_wrong_is_told_in_one_go(small, server):
    change(
        small,
        ("cart: {repository: ../cart}", "cart: {repository: ../cart, tracked: [release]}"),
        ("pay: {repository: ../pay}", "pay: {repository: ../gone}"),
        ("    production_tests: [smoke]\n", ""),
        ("command: [sh, -c, 'cd", "command: [./nowhere.sh, 'cd"),
        ("command: [sh, -c, 'echo", "command: [no-such-program, 'echo"),
    )
    hosts = (small.product / "ansible/uat.yml").read_text()
    playbook = "- hosts: all\n  tasks: [{no.such.module: {}}]\n"
    small.git().commit("Break", {"ansible/live.yml": hosts, "ansible/restore.yml": playbook})
    small.run("staging", web="9.9.9", pay="two words")
    with (small.product / "reversion.yaml").open("a") as file:
        file.write("# more\n")
    server.workers = "[]"

    findings = found(small)
    failures, warnings = said(findings, "fail"), said(findings, "warn")

    assert "fail service cart: Its repository has no branch release. Correct services.cart.tracked." in failures
    assert "fail service pay: The repository of pay can't be read at" in failures
    assert "fail test smoke: The command ./nowhere.sh is not there." in failures
    assert "fail test prices: The command no-such-program is not there." in failures
    assert "fail environment uat: It shares hosts with live: 127.0.3.1, uat-1." in failures
    assert "no.such.module" in failures
    assert "1 of 3 instances could not be read: pay on staging-1: not a version: 'two words'." in failures
    assert "fail worker: No worker is online" in failures
    assert "warn product: reversion.yaml has changes that are not committed." in warnings
    assert "warn environment uat: No production test would prove a reversion." in warnings
    assert "warn service web: What runs can't be found in Git: web 9.9.9: the repository has no tag" in warnings


def test_a_product_file_that_does_not_load_is_told_whole_and_is_all(small):
    change(small, ("product: small", "product: Small"), ("retry_delay: 2", "retry_delay: soon"))

    findings = found(small)

    assert [finding.state for finding in findings] == ["fail"]
    assert "'Small' is not allowed" in findings[0].message
    assert "retry_delay: must be a whole number" in findings[0].message


def test_the_command_ends_with_one_where_something_failed(small):
    change(small, ("product: small", "product: Small"))

    done = CliRunner().invoke(doctor_command, ["--json"], obj=str(small.product), standalone_mode=False)

    assert done.return_value == 1
    assert [(one["subject"], one["state"]) for one in json.loads(done.stdout)] == [("product", "fail")]


def test_a_silent_server_is_a_failure_with_a_mend():
    with pytest.raises(ServerFailed, match="Start one with 'reversion serve'"):
        read_health(Address(url="http://127.0.0.1:1/api"), "small")


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "PREFECT_API_AUTH_STRING"), (404, "does not know the work pool"), (200, "is no Prefect API")],
)
def test_a_server_that_answers_otherwise_is_told(server, status, told):
    server.status, server.workers = status, "<html>"

    with pytest.raises(ServerFailed, match=told):
        read_health(address(server), "small")


def test_a_clock_that_is_wrong_is_seen(server):
    server.date = "Mon, 23 Nov 2020 12:00:00 GMT"

    assert (read_health(address(server), "small").ahead or 0) < -86_400


def test_a_clock_that_is_right_is_seen(server):
    assert abs(read_health(address(server), "small").ahead or 99) < 2


def test_where_versions_are_kept_is_read_for_each_environment(small: SmallProduct):
    source = "versions:\n  - {kind: mapping, files: ['deploy/{environment}/versions.yaml']}\n"
    change(small, ("production_tests:\n", f"{source}production_tests:\n"))
    small.git().commit("Deploy", {"deploy/staging/versions.yaml": "cart: 1.0.0\nweb: 1.0.0\n"})

    told = {one.subject: one for one in found(small) if one.subject.startswith("versions")}

    assert told["versions of staging"].message == "The newest commit tells those of 2 services."
    others = [one for subject, one in told.items() if subject != "versions of staging"]
    assert others
    assert all(one.state == "warn" and "nothing there says what" in one.message for one in others)
