"""Reversions on a real server and worker that fail on the way: what is where then, and how they go on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.server import Server, wait_for
from tests.e2e.stand import NEW, OLD, PATIENCE, Stand, a_stand
from tests.small_product import make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

UNDO = "the way back from there is 'reversion undo {}'."


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("failing"), name="failing", environments=("staging",))
    with a_stand(server, small, "staging") as stand:
        yield stand


@pytest.fixture
def stand(deployed: Stand) -> Stand:
    deployed.begin_anew()
    return deployed


def test_a_broken_playbook_ends_as_restore_failed_and_names_task_host_and_way_back(stand: Stand):
    (stand.small.root / "broken-cart").touch()
    run = stand.start_and_wait()

    stand.answer(run)
    record = stand.wait_until(run, "Restore failed")

    assert "Claim the disk space" in record.state.message
    assert "no space left on device" in record.state.message
    assert "staging-1" in record.state.message
    assert record.record.safety_snapshot in record.state.message
    now = stand.small.running("staging")
    assert now["cart"] == "1.1.0"
    assert now["pay"] == "1.0.0", "what depends on nothing broken goes on"
    states = {task.name: task for task in stand.detail(run).tasks}
    assert not any(name.startswith("Production test") for name in states)

    (stand.small.root / "broken-cart").unlink()
    resumed = stand.command("resume", run)

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    again = stand.runs.status(run)
    assert again.told == "Proven"
    assert stand.small.running("staging") == OLD
    assert again.record.safety_snapshot == record.record.safety_snapshot
    assert again.record.approver == "Ana", "the approval was kept"


def test_after_a_failure_a_person_may_go_back_or_leave_a_service_out(stand: Stand):
    (stand.small.root / "broken-cart").touch()
    run = stand.start_and_wait()
    assert stand.command("approve", run, "--without", "cart", "--reason", "x", "--as", "Bo").returncode == 1
    stand.answer(run)
    failed = stand.wait_until(run, "Restore failed")
    assert stand.small.running("staging")["pay"] == "1.0.0"

    back = stand.command("retry", run, "--back", "--as", "Bo", "--yes", "--acknowledge")

    assert (back.returncode, stand.runs.status(run).told) == (1, "Returned"), back.stderr
    assert "**It stopped:** staging is between two versions" in back.stdout
    assert stand.small.running("staging") == NEW
    unexplained = stand.command("retry", run, "--without", "cart", "--as", "Bo", "--yes", "--acknowledge")
    assert (unexplained.returncode, "needs a reason" in unexplained.stderr) == (2, True)

    without = ("--without", "cart", "--reason", "cart can wait, OPS-9")
    in_part = stand.command("retry", run, *without, "--as", "Bo", "--yes", "--acknowledge")

    record = stand.runs.status(run)
    assert (in_part.returncode, record.told) == (1, "Proven in part"), in_part.stderr
    assert "Bo left out cart (cart can wait, OPS-9)" in record.state.message
    assert stand.small.running("staging") == OLD | {"cart": "1.1.0"}
    assert record.record.safety_snapshot == failed.record.safety_snapshot


def test_an_environment_that_wants_it_is_taken_back_to_how_it_was_when_a_service_fails(stand: Stand):
    text = (stand.small.product / "reversion.yaml").read_text()
    wanted = text.replace("  staging:\n", "  staging:\n    on_failure: return\n")
    stand.small.git().commit("Go back by itself", {"reversion.yaml": wanted})
    (stand.small.root / "broken-cart").touch()
    try:
        run = stand.start_and_wait()
        stand.answer(run)
        record = stand.wait_until(run, "Returned")
    finally:
        stand.small.git().commit("Stop as before", {"reversion.yaml": text})

    assert "no space left on device" in record.state.message
    assert stand.small.running("staging") == NEW
    assert {"Restore pay", "Restore cart"} <= {task.name for task in stand.detail(run).tasks}

    heard = stand.small.root / "heard"
    with ThreadPoolExecutor(1) as aside, heard.open("w") as said:
        unattended = aside.submit(stand.command, "retry", run, said=said)
        wait_for(lambda: "It waits for an answer" in heard.read_text(), PATIENCE, "the command to say that it waits")
        stand.answer(run, approve=False)
    rejected = stand.wait_until(run, "Rejected", after=record)

    told = f"Ana rejected the retry: OPS-7. staging is as the earlier attempt left it; {UNDO.format(run[:8])}"
    assert rejected.state.message == told
    assert unattended.result().stdout.endswith(f"Rejected: {told}\n")
    for moment in ("It will wait for an answer given elsewhere", "It waits for an answer"):
        assert f"{moment}: reversion approve {run[:8]} --as NAME" in heard.read_text()
    assert rejected.record.safety_snapshot == record.record.safety_snapshot


def test_a_red_production_test_ends_as_tests_failed(stand: Stand):
    (stand.small.root / "red").touch()
    run = stand.start_and_wait()

    stand.answer(run)
    record = stand.wait_until(run, "Tests failed")

    assert "must not be pushed live: smoke: exit code 3" in record.state.message
    assert stand.small.running("staging") == OLD
    assert (record.record.tests_passed, record.record.tests_failed) == (1, 1)

    (stand.small.root / "red").unlink()
    retried = stand.command("retry", run, "--as", "Bo", "--yes", "--acknowledge")

    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert "Waits for approval" in retried.stderr
    assert "exit code 3" not in retried.stderr, "what the first attempt did is not told again"
    assert stand.runs.status(run).record.approver == "Bo"


def test_what_changes_while_it_is_tested_is_not_proven_and_a_retry_restores_it_again(stand: Stand):
    (stand.small.root / "meddling").write_text("1.1.0")
    run = stand.start_and_wait()

    stand.answer(run)
    record = stand.wait_until(run, "Tests failed")

    assert "must not be pushed live: changed while it was tested: pay (it runs 1.1.0)." in record.state.message
    assert (record.record.tests_passed, record.record.services_failed) == (2, 1)

    (stand.small.root / "meddling").unlink()
    stand.prefect("flow-run", "retry", run)

    stand.wait_until(run, "Proven", after=record)
    assert stand.small.running("staging") == OLD
