"""Who has an environment, on a real server and worker: seen, broken by name, and free after a crash."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters.holds import Holds
from reversion.adapters.locks import Locks, lock_name
from reversion.locks import Lock
from tests.e2e.server import Server, running_worker, wait_for
from tests.e2e.serving import family, processes
from tests.e2e.stand import NEW, PATIENCE, Stand, deploy
from tests.small_product import RESTORE, make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

SLOW = RESTORE.replace(
    "    - name: Write the version\n",
    "    - name: Wait while there is a reason to\n"
    '      ansible.builtin.command: {argv: [sh, -c, "while test -e {{ root }}/wait; do sleep 0.3; done"]}\n'
    "    - name: Write the version\n",
)


@dataclass(frozen=True)
class Slow:
    """A stand whose restore waits while the file `wait` is there; `worker` is its worker's pid."""

    stand: Stand
    worker: int

    def lock(self) -> Lock:
        return Locks(self.stand.api, self.stand.small.name).look("staging")

    def seen(self) -> dict[str, Any]:
        told = json.loads(self.stand.command("locks", "--json").stdout)
        found: dict[str, Any] = next(row for row in told if row["lock"]["environment"] == "staging")
        return found

    def at_work(self) -> str:
        """Return a reversion of staging that was approved and is in the middle of a restore."""
        self.stand.small.run("staging", **NEW)
        (self.stand.small.root / "wait").touch()
        run = self.stand.start_and_wait()
        assert self.lock().word == "waits for approval"
        self.stand.answer(run)
        wait_for(lambda: bool(self.restoring()), PATIENCE, "the restore")
        return run

    def restoring(self) -> list[str]:
        """Return what a restore runs on the hosts of this stand."""
        return [line for line in processes() if f"while test -e {self.stand.small.root}/wait" in line]


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    small = make_small_product(
        tmp_path_factory.mktemp("locked"), name="locked", environments=("staging",), restore=SLOW
    )
    return deploy(server, small, "staging")


@pytest.fixture
def slow(stand: Stand) -> Iterator[Slow]:
    with running_worker(stand.server, "reversion-locked", {"PYTHONPATH": str(Path.cwd())}) as worker:
        yield Slow(stand, worker)
    (stand.small.root / "wait").unlink(missing_ok=True)
    stand.end_all()


def test_a_lock_is_seen_refused_while_its_run_is_at_work_and_broken_by_force(slow: Slow):
    stand = slow.stand
    run = slow.at_work()

    held = slow.seen()
    occupant = held["lock"]["occupant"]
    assert (held["lock"]["word"], occupant["run"], occupant["by"]) == ("held", run, "Ana")
    assert occupant["since"] is not None
    assert occupant["state"]["kind"] == "RUNNING"
    asked = stand.command("check", "staging")
    assert (asked.returncode, asked.stdout.startswith(f"Run {run[:8]} (")) == (1, True)
    hold = held["holds"][0]
    assert hold["reason"] == f"run {run[:8]} takes it back to {stand.snapshots['staging']}"
    refused = stand.command("unlock", "staging", "--reason", "OPS-78", "--as", "Bo")
    assert refused.returncode == 1
    assert f"Run {run[:8]}" in refused.stderr
    assert "--force" in refused.stderr
    assert slow.restoring() != []

    broken = stand.command("unlock", "staging", "--reason", "OPS-78", "--as", "Bo", "--force")

    assert broken.returncode == 0, broken.stderr
    assert "Bo broke the lock of staging" in broken.stdout
    assert broken.stdout.rstrip().endswith("The run was cancelled.")
    assert stand.runs.status(run).told == "Cancelled"
    assert slow.restoring() == []
    assert slow.lock().word == "free"
    history = json.loads(stand.command("history", "staging", "--json").stdout)
    assert [row["said"] for row in history if row["result"] == "Lock broken"] == [broken.stdout.strip()]
    assert stand.command("unlock", "staging", "--reason", "again").returncode == 1


def test_a_killed_worker_loses_the_lock_within_about_a_minute_and_deployments_stay_held_off(slow: Slow):
    stand = slow.stand
    slow.at_work()
    assert slow.lock().word == "held"

    for process in (slow.worker, *family(slow.worker)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    died = time.monotonic()
    limit = f"/v2/concurrency_limits/{lock_name('locked', 'staging')}"
    wait_for(lambda: stand.api.read(limit)["active_slots"] == 0, 120, "the lock to be free")

    assert time.monotonic() - died < 80
    assert slow.lock().word != "held"
    assert {hold.by for hold in Holds(stand.api, "locked").in_force("staging")} == {"Reversion"}
    assert stand.command("check", "staging").returncode == 1
