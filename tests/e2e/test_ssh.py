"""Reversions over real sshd on three hosts, one of which comes and goes."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.server import Server, wait_for
from tests.e2e.stand import NEW, OLD, Stand, a_stand
from tests.gate import Gate
from tests.small_product import make_small_product
from tests.sshd import sshd_hosts

pytestmark = [pytest.mark.server, pytest.mark.sshd, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def remote(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stand, Gate]]:
    """Cart, pay and web on a host each; the last one's sshd is behind a gate."""
    directory = tmp_path_factory.mktemp("remote")
    with sshd_hosts(directory / "sshd", "127.0.4.1", "127.0.4.2", "127.0.4.3") as hosts:
        gate = Gate("127.0.4.3", hosts[2].port)
        behind = replace(hosts[2], port=gate.port)
        variables = {
            "cart": hosts[0].variables(),
            "pay": hosts[1].variables(),
            "web": behind.variables().replace("IdentitiesOnly=yes", "IdentitiesOnly=yes -o StrictHostKeyChecking=no"),
        }
        small = make_small_product(
            directory / "small", name="remote", environments=("staging", "uat"), hosts=variables
        )
        with a_stand(server, small, "staging") as stand:
            yield stand, gate
        gate.shut()


def test_three_hosts_are_restored_over_ssh_also_one_that_comes_back_late(remote: tuple[Stand, Gate]):
    stand, gate = remote
    stand.small.run("staging", **NEW)
    gate.shut()
    try:
        run = stand.start_and_wait()
        stand.answer(run)
        wait_for(lambda: is_retrying(stand, run), 240, "the unreachable host to be tried again")
    finally:
        gate.open()
    stand.wait_until(run, "Proven")

    assert stand.small.running("staging") == OLD
    assert stand.small.running("uat") == NEW


def test_a_host_that_stays_away_is_named_and_the_others_are_restored(remote: tuple[Stand, Gate]):
    stand, gate = remote
    stand.small.run("staging", **NEW)
    gate.shut()
    try:
        run = stand.start_and_wait()
        review = stand.approvals.review(run)
        stand.answer(run)
        record = stand.wait_until(run, "Restore failed")
    finally:
        gate.open()

    assert "web: what runs now could not be told" in review.text
    assert "staging-3" in record.state.message
    now = stand.small.running("staging")
    assert (now["pay"], now["web"]) == ("1.0.0", "1.1.0")
    assert now["cart"] == "1.1.0", "cart goes back only after web, which needs it"


def is_retrying(stand: Stand, run: str) -> bool:
    time.sleep(0.3)
    tasks = {task.name: task for task in stand.runs.tasks(run)}
    return "Restore web" in tasks and tasks["Restore web"].state.name == "AwaitingRetry"
