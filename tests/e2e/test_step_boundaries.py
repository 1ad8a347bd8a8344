"""A reversion that dies after each of its steps in turn comes to its end all the same, as if nothing had been."""

import subprocess
import sys
from pathlib import Path

import pytest

from reversion.adapters.locks import lock_name
from tests.e2e.crashing import RESTORE_COUNTS, times_restored
from tests.e2e.server import Server
from tests.e2e.stand import NEW, OLD, PATIENCE, Stand, deploy
from tests.small_product import RESTORE, make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

BEFORE = ("Admit", "Plan staging back", "Record the plan")
AFTER = (
    "Record the approval",
    "Confirm that the plan still holds",
    "Take a safety snapshot",
    "Hold deployments",
    "Observe uat as another environment, before",
    "Restore the configuration",
    "Restore cart",
    "Restore web",
    "Production test smoke",
    "Resolve the features that are now there",
    "Record the outcome",
    "Publish the features",
)


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    directory = tmp_path_factory.mktemp("stepped")
    restore = RESTORE + RESTORE_COUNTS
    small = make_small_product(directory, name="stepped", environments=("staging", "uat"), restore=restore)
    return deploy(server, small, "staging")


def test_a_run_that_dies_after_each_of_its_steps_comes_to_its_end_with_its_one_approval(stand: Stand):
    small = stand.small
    run = stand.start()
    for step in BEFORE:
        _die_after(stand, run, step)
        assert small.running("staging") == NEW
        stand.runs.retry(run)
    assert _play(stand, run) == 0
    review = stand.runs.status(run)
    assert review.told == "Waits for approval"
    stand.answer(run)

    for step in AFTER:
        _die_after(stand, run, step)
        assert all(small.running("staging")[name] in (OLD[name], NEW[name]) for name in OLD), step
        assert small.running("uat") == NEW, step
        stand.runs.retry(run, keep_approval=True)
    assert _play(stand, run) == 0

    record = stand.runs.status(run)
    assert (record.told, record.record.approver) == ("Proven", "Ana"), record.state.message
    assert small.running("staging") == OLD
    assert record.record.others_unchanged == "yes"
    assert record.record.safety_snapshot in small.tags()
    assert len(small.tags()) == 2, "one safety snapshot, however often it died"
    assert all(times_restored(small, name) <= 2 for name in ("cart", "web")), "again only where that was not kept"


def _die_after(stand: Stand, run: str, step: str) -> None:
    """Let the run go on until that step is complete and its process dies; tell the server, as a worker does."""
    assert _play(stand, run, step) == -9, f"it did not come to '{step}'"
    crashed = {"state": {"type": "CRASHED", "message": "Its process died."}, "force": True}
    stand.api.ask(f"/flow_runs/{run}/set_state", crashed)
    limit = f"/v2/concurrency_limits/{lock_name(stand.small.name, 'staging')}"
    stand.api.change(limit, {"active_slots": 0})  # as when the dead run's lease of a minute is over


def _play(stand: Stand, run: str, step: str = "") -> int:
    """Be the worker for one attempt; return how its process ended."""
    job = stand.api.read(f"/deployments/{stand.runs.deployment(stand.small.name)}")["job_variables"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.e2e.dying", run, step],
        env=stand.server.environment | job["env"] | {"PYTHONPATH": str(Path.cwd())},
        cwd=job.get("working_dir"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode in (0, -9), ended.stderr[-3000:]
    return ended.returncode
