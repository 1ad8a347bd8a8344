"""Whatever is killed: never a silent mix, never two at once, nothing orphaned, no approval lost or used twice.

Each test kills something in the middle of a reversion and lets an operator's command bring it to its end.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.e2e.crashing import Killable, gone, killable, times_restored
from tests.e2e.stand import NEW, OLD

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    with killable(tmp_path_factory.mktemp("crashed")) as started:
        yield started


@pytest.fixture
def begun(world: Killable) -> Killable:
    """Staging runs 1.1.0 again, nothing is held, and nothing was counted yet."""
    world.stand.end_all()
    for left in (
        *world.small.root.glob("held-*"),
        *world.small.root.glob("hold-*"),
        *world.small.root.glob("restored-*"),
    ):
        left.unlink()
    world.small.run("staging", **NEW)
    return world


def test_a_killed_run_goes_on_from_the_first_service_not_proven_with_its_approval(begun: Killable):
    run, held = begun.in_the_middle_of("restore-cart")
    assert {name: times_restored(begun.small, name) for name in OLD} == {"cart": 0, "pay": 1, "web": 1}
    ansible = begun.ansible_processes()
    assert ansible

    begun.kill_flow()

    begun.stand.wait_until(run, "Crashed")
    assert gone(ansible), "no Ansible changes hosts once its run is over"
    held.unlink()
    resumed = begun.stand.command("resume", run)

    record = begun.stand.runs.status(run)
    assert (resumed.returncode, record.told) == (0, "Proven"), resumed.stdout + resumed.stderr
    assert record.record.approver == "Ana"
    assert begun.small.running("staging") == OLD
    assert {name: times_restored(begun.small, name) for name in ("pay", "web")} == {"pay": 1, "web": 1}
    assert begun.small.running("uat") == NEW


def test_ansible_killed_in_the_middle_is_run_again_by_itself(begun: Killable):
    run, held = begun.in_the_middle_of("restore-cart")

    held.unlink()
    for pid in begun.ansible_processes():
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)

    begun.stand.wait_until(run, "Proven")
    assert begun.small.running("staging") == OLD
    assert times_restored(begun.small, "cart") >= 1


def test_server_and_worker_killed_while_it_waits_lose_no_approval_and_take_none_twice(begun: Killable):
    run = begun.stand.start_and_wait()
    begun.kill("worker")
    begun.kill("server")

    begun.start_server()
    assert begun.stand.runs.status(run).told == "Waits for approval"
    begun.stand.answer(run)
    begun.kill("server")
    begun.start_server()
    begun.start_worker()

    record = begun.stand.wait_until(run, "Proven")
    assert record.record.approver == "Ana"
    assert {name: times_restored(begun.small, name) for name in OLD} == dict.fromkeys(OLD, 1)


def test_a_server_killed_while_services_are_restored_is_missed_by_nobody(begun: Killable):
    run, held = begun.in_the_middle_of("restore-cart")

    begun.kill("server")
    begun.start_server()
    held.unlink()

    begun.stand.wait_until(run, "Proven")
    assert begun.small.running("staging") == OLD
    assert {name: times_restored(begun.small, name) for name in OLD} == dict.fromkeys(OLD, 1)


def test_worker_and_run_killed_while_it_is_tested_are_told_as_crashed_and_tested_anew(begun: Killable):
    run, held = begun.in_the_middle_of("tests")

    begun.kill("worker")
    begun.kill_flow()
    silent, waiting = (begun.a_run_heard_of(ago=30) for _ in range(2))
    second = begun.stand.start()
    begun.start_worker()
    begun.stand.runs.say_that_it_waits(waiting)

    refused = begun.stand.wait_until(second, "Refused")
    assert run in refused.state.message, "a run that nobody has called dead yet still holds the environment"
    begun.stand.wait_until(run, "Crashed")
    begun.stand.wait_until(silent, "Crashed")
    assert begun.stand.runs.status(waiting).told == "Starting", "its silence was announced"
    held.unlink()
    resumed = begun.stand.command("resume", run)

    assert "waiting" not in resumed.stderr, "nobody is left who would report its crash once more"
    assert (resumed.returncode, begun.stand.runs.status(run).told) == (0, "Proven"), resumed.stderr
    assert {name: times_restored(begun.small, name) for name in OLD} == dict.fromkeys(OLD, 1)
