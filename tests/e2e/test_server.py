"""`reversion serve`, the deployments that it makes, and the commands that talk to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import free_port, wait_for
from tests.e2e.stand import NEW, OLD
from tests.small_product import SmallProduct, make_small_product

pytestmark = pytest.mark.server
PASSWORD = "served:for-tests-only"


@dataclass
class Serving:
    """A product that `reversion serve` serves, as its operator sees it."""

    small: SmallProduct
    port: int
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.small)

    @property
    def home(self) -> Path:
        return self.small.directory / "state" / self.small.name

    def command(self, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reversion.cli", *arguments],
            env=self.environment | options,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def history(self, *arguments: str) -> list[dict[str, object]]:
        read = self.command("history", "--json", *arguments)
        assert read.returncode == 0, read.stderr
        listed: list[dict[str, object]] = json.loads(read.stdout)
        return listed

    def said(self, text: str) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}: {self.log.read_text()}")
        return text in self.log.read_text()


def environment_of(small: SmallProduct) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "REVERSION_"))}
    return kept | {
        "REVERSION_HOME": str(small.directory / "state"),
        "REVERSION_PRODUCT": str(small.product),
        "PYTHONPATH": str(Path.cwd()),
    }


@contextmanager
def serving(small: SmallProduct, *options: str, port: int = 0, password: str = "") -> Iterator[Serving]:
    """Run `reversion serve` until the block ends; what it is asked then is what Ctrl-C asks."""
    port, log = port or free_port(), small.directory / "serve.log"
    given = {"REVERSION_AUTH": password} if password else {}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "reversion.cli", "serve", "--port", str(port), *options],
            env=environment_of(small) | given,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    served = Serving(small, port, process, log)
    try:
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def family(pid: int) -> list[int]:
    """Return a process's children, and theirs."""
    listed = [int(line.split()[0]) for line in processes() if int(line.split()[1]) == pid]
    return listed + [below for child in listed for below in family(child)]


def processes() -> list[str]:
    done = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.split()[2].startswith("Z")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    small = make_small_product(tmp_path_factory.mktemp("served"), name="served")
    with serving(small, password=PASSWORD) as started:
        wait_for(lambda: started.said("Stop with Ctrl-C"), 180, "reversion serve")
        small.run("staging", **OLD)
        done = started.command("snapshot", "staging", "--test")
        assert done.returncode == 0, done.stderr
        yield started


@pytest.fixture
def changed(served: Serving) -> Serving:
    """The same, with staging at the newer versions again."""
    served.small.run("staging", **NEW)
    return served


def test_the_password_is_in_a_private_file_and_nowhere_else(served: Serving):
    told = served.log.read_text() + "".join(file.read_text() for file in (served.home / "logs").iterdir())
    commands = "\n".join(line for line in processes() if str(served.port) in line or "reversion-served" in line)

    assert (served.home / "auth").read_text().strip() == PASSWORD
    assert (served.home / "auth").stat().st_mode & 0o077 == 0
    assert (served.home / "serve.json").stat().st_mode & 0o077 == 0
    assert "worker start" in commands
    for place in (told, commands, (served.home / "serve.json").read_text()):
        assert "for-tests-only" not in place


def test_the_page_that_serve_names_is_there_and_the_api_asks_for_the_password(served: Serving):
    page = next(line for line in served.log.read_text().splitlines() if "start a reversion" in line).split()[-1]

    assert httpx.get(page, follow_redirects=True).status_code == 200
    assert httpx.post(f"http://127.0.0.1:{served.port}/api/deployments/filter", json={}).status_code == 401


def test_a_page_of_another_origin_may_not_read_answers(served: Serving):
    answer = httpx.get(f"http://127.0.0.1:{served.port}/api/health", headers={"Origin": "https://elsewhere.example"})

    assert answer.headers.get("access-control-allow-origin") != "*"
    assert answer.headers.get("access-control-allow-origin") != "https://elsewhere.example"


def test_revert_follows_the_run_to_its_end_and_says_proven(changed: Serving):
    done = changed.command("revert", "staging", "--yes", "--as", "Ana", "--acknowledge", "--reason", "OPS-7")

    assert (done.returncode, done.stdout.splitlines()[-1].split(":")[0]) == (0, "Proven")
    for told in ("Waits for approval", "Restore cart", "Production test smoke"):
        assert told in done.stderr
    assert changed.small.running("staging") == OLD
    newest = changed.history("staging", "--limit", "1")[0]
    assert newest["result"] == "Proven"


def test_without_the_acknowledgement_nothing_is_approved_and_the_run_waits(changed: Serving):
    done = changed.command("revert", "staging", "--yes", "--as", "Ana")

    newest = changed.history("--limit", "1")[0]
    run = newest["run"]["id"]
    assert done.returncode == 1
    assert f"reversion approve {run[:8]}" in done.stderr
    assert newest["result"] == "Waits for approval"
    assert changed.small.running("staging") == NEW
    assert changed.command("reject", run, "--as", "Ana").returncode == 0


def test_a_rejected_run_ends_the_command_that_follows_it_with_one(changed: Serving):
    following = subprocess.Popen(
        [sys.executable, "-m", "reversion.cli", "revert", "staging", "--json"],
        env=changed.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: _newest(changed)["result"] == "Waits for approval", 90, "the question")
    rejected = changed.command("reject", _newest(changed)["run"]["id"][:8], "--as", "Bo", "--reason", "not today")
    stdout, stderr = following.communicate(timeout=90)

    told = json.loads(stdout[stdout.index("{") :])
    assert rejected.returncode == 0
    assert (following.returncode, told["result"]) == (1, "Rejected")
    assert "not today" in told["run"]["state"]["message"]
    assert "reversion approve" in stderr
    assert changed.small.running("staging") == NEW


def test_an_answer_to_another_plan_is_not_given(changed: Serving):
    started = changed.command("revert", "staging", "--no-wait")
    run = started.stdout.strip()
    wait_for(lambda: _newest(changed)["result"] == "Waits for approval", 90, "the question")

    wrong = changed.command("approve", run, "--as", "Ana", "--acknowledge", "--plan", "0" * 12)

    assert wrong.returncode == 1
    assert _newest(changed)["result"] == "Waits for approval"
    assert changed.command("reject", run, "--as", "Ana").returncode == 0


def test_history_tells_a_run_whole(changed: Serving):
    run = next(row["run"]["id"] for row in changed.history() if row["result"] == "Rejected")

    told = changed.command("history", run[:8])

    assert told.returncode == 0, told.stderr
    for word in ("Waits for approval", "Rejected", "Record the plan", "You will lose"):
        assert word in told.stdout


def test_an_environment_that_cannot_be_restored_starts_no_run(changed: Serving):
    before = len(changed.history())

    done = changed.command("revert", "live")

    assert (done.returncode, len(changed.history())) == (1, before)
    assert "restore" in done.stderr


def test_an_unknown_snapshot_starts_no_run(changed: Serving):
    before = len(changed.history())

    done = changed.command("revert", "staging", "reversion/staging/2020-01-01T00-00-00Z-000000000000")

    assert (done.returncode, len(changed.history())) == (2, before)


def test_a_second_serve_of_the_same_product_is_refused(served: Serving):
    done = served.command("serve", "--port", str(free_port()))

    assert done.returncode == 3
    assert "running already" in done.stderr


def test_a_taken_port_is_told_and_nothing_is_started(served: Serving, tmp_path: Path):
    done = served.command("serve", "--port", str(served.port), REVERSION_HOME=str(tmp_path))

    assert done.returncode == 3
    assert f"Port {served.port}" in done.stderr
    assert not list((tmp_path / "served" / "logs").iterdir())


def test_a_wrong_password_is_told_as_such(served: Serving):
    told = served.command(
        "history",
        PREFECT_API_URL=f"http://127.0.0.1:{served.port}/api/",
        PREFECT_API_AUTH_STRING="served:guessed",
    )

    assert told.returncode == 3
    assert "did not let us in" in told.stderr
    assert "guessed" not in told.stderr


def test_the_kept_password_is_not_sent_to_another_server(served: Serving):
    told = served.command("history", PREFECT_API_URL=f"http://localhost:{served.port}/api")

    assert told.returncode == 3
    assert "did not let us in" in told.stderr


def test_stopping_in_the_middle_of_a_run_leaves_no_process_and_a_run_told_as_crashed(tmp_path: Path):
    small = make_small_product(tmp_path, name="stopped")
    small.run("staging", **OLD)
    port = free_port()
    with serving(small, "--no-auth", port=port) as first:
        wait_for(lambda: first.said("Stop with Ctrl-C"), 180, "reversion serve")
        assert first.command("snapshot", "staging", "--test").returncode == 0
        small.run("staging", **NEW)
        run = first.command("revert", "staging", "--no-wait").stdout.strip()
        wait_for(lambda: _newest(first)["result"] == "Running", 90, "the run")
        below = family(first.process.pid)
        first.process.send_signal(signal.SIGTERM)

        assert first.process.wait(30) == 0
    left = [line for line in processes() if int(line.split()[0]) in below]
    assert len(below) >= 3
    assert left == []

    with serving(small, "--no-auth", "--no-worker", port=port) as again:
        wait_for(lambda: again.said("Stop with Ctrl-C"), 180, "reversion serve")
        newest = _newest(again)
        assert (newest["run"]["id"], newest["result"]) == (run, "Crashed")


def test_a_child_that_dies_ends_serve_with_three_and_the_reason(tmp_path: Path):
    small = make_small_product(tmp_path, name="dying")
    with serving(small, "--no-auth") as started:
        wait_for(lambda: started.said("Stop with Ctrl-C"), 180, "reversion serve")
        worker = next(line for line in processes() if "--pool reversion-dying" in line)
        below = family(started.process.pid)
        os.kill(int(worker.split()[0]), signal.SIGKILL)

        assert started.process.wait(30) == 3
    assert "worker ended unexpectedly" in started.log.read_text()
    assert [line for line in processes() if int(line.split()[0]) in below] == []


def _newest(served: Serving) -> dict[str, object]:
    return served.history("--limit", "1")[0]
