"""The database of a server is killed under a reversion: the run waits for it and goes on."""

from pathlib import Path

import pytest

from tests.e2e.crashing import killable, times_restored
from tests.e2e.stand import NEW, OLD
from tests.postgresql import running_postgresql

pytestmark = [pytest.mark.server, pytest.mark.postgresql, pytest.mark.timeout(900)]


def test_a_database_killed_while_services_are_restored_is_missed_by_nobody(tmp_path: Path):
    with (
        running_postgresql() as database,
        killable(tmp_path, f"postgresql+asyncpg://{database.address}") as world,
    ):
        run, held = world.in_the_middle_of("restore-cart")

        database.kill()
        held.unlink()
        database.start()

        record = world.stand.wait_until(run, "Proven")
        assert record.record.approver == "Ana"
        assert world.small.running("staging") == OLD
        assert world.small.running("uat") == NEW
        assert {name: times_restored(world.small, name) for name in OLD} == dict.fromkeys(OLD, 1)
