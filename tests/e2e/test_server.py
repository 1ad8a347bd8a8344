"""`reversion serve`, the deployments that it makes, and the commands that talk to it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import wait_for
from tests.e2e.serving import Serving, Terminal, family, processes, serving
from tests.e2e.stand import NEW, OLD
from tests.small_product import make_small_product
from tests.sshd import free_port

pytestmark = pytest.mark.server
PASSWORD = "served:for-tests-only"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    small = make_small_product(tmp_path_factory.mktemp("served"), name="served", environments=("staging", "live"))
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

    shown = httpx.get(page, headers={"Accept": "text/html"}, follow_redirects=True)
    assert (shown.status_code, "<html" in shown.text) == (200, True)
    assert httpx.post(f"http://127.0.0.1:{served.port}/api/deployments/filter", json={}).status_code == 401


def test_a_page_of_another_origin_may_not_read_answers(served: Serving):
    answer = httpx.get(f"http://127.0.0.1:{served.port}/api/health", headers={"Origin": "https://elsewhere.example"})

    assert answer.headers.get("access-control-allow-origin") != "*"
    assert answer.headers.get("access-control-allow-origin") != "https://elsewhere.example"


def test_the_terminal_asks_and_gives_the_answer(changed: Serving):
    with Terminal(changed, "revert", "staging") as terminal:
        for question, answer in (
            ("approve or reject", "perhaps"),
            ("approve or reject", "approve"),
            ("Your name", "Ana"),
            ("Reason or ticket", "OPS-8"),
            ("have read them", "yes"),
        ):
            terminal.reply(question, answer)
        ended = terminal.end()

    assert ended == 0
    for told in (
        "'perhaps' is not understood",
        "Waits for approval",
        "Restore cart",
        "Production test smoke",
        "Proven: ",
    ):
        assert told in terminal.seen
    assert changed.small.running("staging") == OLD
    assert _newest(changed)["run"]["record"]["reason"] == "OPS-8"


def test_an_answer_given_elsewhere_ends_the_questions(changed: Serving):
    with Terminal(changed, "revert", "staging") as terminal:
        terminal.read_until("approve or reject")
        run = _newest(changed)["run"]["id"]
        assert changed.command("reject", run, "--as", "Bo", "--reason", "not today").returncode == 0
        ended = terminal.end()

    assert ended == 1
    assert "Rejected: Bo rejected it: not today" in terminal.seen


def test_ctrl_c_leaves_the_run_as_it_is_and_says_how_to_go_on(changed: Serving):
    with Terminal(changed, "revert", "staging") as terminal:
        terminal.read_until("approve or reject")
        terminal.type("\x03")
        ended = terminal.end()

    run = _newest(changed)["run"]["id"]
    assert ended == 1
    assert f"reversion approve {run[:8]}" in terminal.seen
    another = changed.command("approve", run, "--as", "Ana", "--acknowledge", "--plan", "0" * 12)
    assert another.returncode == 1, "an approval of another plan is not given"
    assert _newest(changed)["result"] == "Waits for approval"
    assert changed.command("reject", run, "--as", "Ana").returncode == 0
    assert changed.small.running("staging") == NEW


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
    small = make_small_product(tmp_path, name="stopped", environments=("staging",))
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
    small = make_small_product(tmp_path, name="dying", environments=("staging",))
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
