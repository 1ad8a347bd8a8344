"""Holds on a real server: who holds, until when, and what a pipeline is told that asks."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters.holds import Holds
from reversion.adapters.locks import lock_name
from reversion.holds import Hold, Reason
from tests.e2e.server import Server, running_worker, wait_for
from tests.e2e.stand import Stand, deploy
from tests.small_product import make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
SCRIPT = next(block for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL) if "may-deploy" in block)
ANA = Reason(by="Ana", reason="OPS-77")


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    """A product of which a server without a worker was told."""
    return deploy(server, make_small_product(tmp_path_factory.mktemp("holding"), name="holding"))


@pytest.fixture
def stand(deployed: Stand) -> Iterator[Stand]:
    """The same, with nothing on hold before and after."""
    yield deployed
    for hold in holds(deployed).in_force():
        holds(deployed).release(hold, ANA)


def holds(stand: Stand) -> Holds:
    return Holds(stand.api, stand.small.name)


def in_force(stand: Stand, environment: str = "staging") -> tuple[Hold, ...]:
    return holds(stand).in_force(environment)


def in_an_hour() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


def may_deploy(stand: Stand, environment: str, **given: str) -> int:
    """Ask with the script of the documentation."""
    own = {"PATH": os.environ["PATH"], "REVERSION_API": stand.server.url, "REVERSION_AUTH": stand.server.auth}
    asked = ["sh", "-s", stand.small.name, environment]
    return subprocess.run(asked, input=SCRIPT, env=own | given, text=True, timeout=60).returncode


def place_in_the_browser(stand: Stand, **given: Any) -> dict[str, Any]:
    """Send what the form sends for 'Start later'."""
    deployment = stand.runs.deployment(f"{stand.small.name}.staging", "hold")
    later = {"type": "SCHEDULED", "state_details": {"scheduled_time": in_an_hour().isoformat()}}
    order = {"parameters": {"environment": "staging", **given}, "state": later}
    with stand.server.http() as client:
        answer = client.post(f"/deployments/{deployment}/create_flow_run", json=order)
    return {"status": answer.status_code, **answer.json()}


def test_a_hold_is_told_to_whoever_asks_and_only_for_its_environment(stand: Stand):
    placed = stand.command("hold", "staging", "--reason", "OPS-77", "--for", "8h", "--as", "Ana")

    asked, other = stand.command("check", "staging"), stand.command("check", "uat")
    assert placed.returncode == 0, placed.stderr
    assert asked.returncode == 1
    assert re.fullmatch(r"Ana holds staging until \d{4}-\d\d-\d\d \d\d:\d\d: OPS-77 \(run \w{8}\)\n", asked.stdout)
    assert (other.returncode, other.stdout) == (0, "uat is free to deploy to.\n")
    assert (may_deploy(stand, "staging"), may_deploy(stand, "uat")) == (1, 0)
    [hold] = in_force(stand)
    assert timedelta(hours=7, minutes=58) < hold.until - datetime.now(UTC) <= timedelta(hours=8)
    told = json.loads(stand.command("locks", "--json").stdout)
    assert {row["lock"]["environment"]: len(row["holds"]) for row in told} == {"live": 0, "staging": 1, "uat": 0}


def test_an_environment_that_a_run_has_to_itself_is_not_free(stand: Stand):
    limits = {"names": [lock_name(stand.small.name, "staging")], "slots": 1}
    assert may_deploy(stand, "staging") == 0

    stand.api.ask("/v2/concurrency_limits/increment", limits)
    asked = stand.command("check", "staging"), stand.command("check", "staging", "--json")
    code = may_deploy(stand, "staging")
    stand.api.ask("/v2/concurrency_limits/decrement", limits)

    assert [done.returncode for done in asked] == [1, 1]
    assert asked[0].stdout == "A run that left no word has staging to itself.\n"
    assert (json.loads(asked[1].stdout)["free"], code) == (False, 1)
    assert may_deploy(stand, "staging") == 0


def test_a_pipeline_that_cannot_ask_does_not_deploy(stand: Stand):
    away = "http://127.0.0.1:9/api"

    unreachable = stand.command("check", "staging", PREFECT_API_URL=away)

    assert (unreachable.returncode, "No Prefect server answers" in unreachable.stderr) == (3, True)
    assert stand.command("check", "stagin").returncode == 2
    codes = (
        may_deploy(stand, "stagin"),
        may_deploy(stand, "staging", REVERSION_AUTH="a:guess"),
        may_deploy(stand, "staging", REVERSION_API=away),
    )
    assert all(code > 1 for code in codes), codes


def test_released_it_is_free_and_the_history_tells_both_names_and_reasons(stand: Stand):
    for given in (ANA, Reason(by="Cy", reason="OPS-78")):
        holds(stand).place("staging", in_an_hour(), given, key=given.by)

    released = stand.command("release", "staging", "--reason", "tests are done", "--as", "Bo")

    assert released.returncode == 0, released.stderr
    assert released.stdout.splitlines().count("Bo released staging, which Ana held: OPS-77") == 1
    assert stand.command("check", "staging").returncode == 0
    assert may_deploy(stand, "staging") == 0
    assert stand.command("release", "staging", "--reason", "again", "--as", "Bo").returncode == 1
    told = [row for row in json.loads(stand.command("history", "staging", "--json").stdout) if "said" in row]
    assert {row["result"] for row in told[:2]} == {"Released"}
    whole = stand.command("history", told[0]["run"]["id"][:8])
    assert (whole.returncode, "Bo released it: tests are done" in whole.stdout) == (0, True)
    assert any(
        row["said"].startswith("Cy held staging: OPS-78. Bo released it: tests are done (") for row in told[:2]
    )


def test_the_same_key_holds_once(stand: Stand):
    first, second = (holds(stand).place("staging", in_an_hour(), ANA, key="once") for _ in range(2))

    assert first.id == second.id
    assert len(in_force(stand)) == 1


def test_a_hold_made_in_the_browser_holds_too(stand: Stand):
    assert place_in_the_browser(stand, by="Dee", reason="OPS-79")["status"] == 201

    assert may_deploy(stand, "staging") == 1
    assert stand.command("check", "staging").stdout.startswith("Dee holds staging until ")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"by": "Dee"}, id="without a reason"),
        pytest.param({"by": "Dee", "reason": ""}, id="with an empty reason"),
        pytest.param({"by": "Dee", "reason": "OPS-79", "environment": "live"}, id="of another environment"),
    ],
)
def test_the_server_takes_no_hold(stand: Stand, given: dict[str, str]):
    assert place_in_the_browser(stand, **given)["status"] == 409

    assert holds(stand).in_force() == ()


def test_a_hold_whose_start_somebody_set_earlier_ends_earlier(stand: Stand):
    hold = holds(stand).place("staging", in_an_hour(), ANA, key="earlier")
    assert may_deploy(stand, "staging") == 1
    now = datetime.now(UTC)
    earlier = {"type": "SCHEDULED", "state_details": {"scheduled_time": (now - timedelta(minutes=1)).isoformat()}}

    stand.api.ask(f"/flow_runs/{hold.id}/set_state", {"state": earlier, "force": True})

    assert in_force(stand) == ()
    assert may_deploy(stand, "staging") == 0


def test_deploying_again_keeps_holds_and_a_gone_environment_takes_its_own_along(stand: Stand):
    for environment in ("staging", "live"):
        holds(stand).place(environment, in_an_hour(), ANA, key=f"kept-{environment}")
    file = stand.small.product / "reversion.yaml"
    text = file.read_text()
    live = text[text.index("  live:") : text.index("features:")]
    stand.small.git().commit("Drop live", {"reversion.yaml": text.replace(live, "")})

    done = stand.command(module="deployments.deploy")

    assert done.returncode == 0, done.stderr
    assert [hold.environment for hold in holds(stand).in_force()] == ["staging"]
    stand.small.git().commit("Take live up again", {"reversion.yaml": text})


def test_a_hold_ends_in_time_without_a_worker_and_a_worker_writes_its_end_down(stand: Stand):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    hold = holds(stand).place("staging", until, ANA, key="short")
    assert may_deploy(stand, "staging") == 1

    wait_for(lambda: datetime.now(UTC) > until + timedelta(seconds=1), 10, "the end of the hold")
    assert may_deploy(stand, "staging") == 0
    assert stand.runs.status(hold.id).state.kind == "SCHEDULED"

    with running_worker(stand.server, "reversion-holding", {"PYTHONPATH": str(Path.cwd())}):
        wait_for(lambda: stand.runs.status(hold.id).state.is_final, 120, "the end of the hold's run")
    [ended] = [each for each in holds(stand).newest("staging", 50) if each.id == hold.id]
    assert (ended.state.kind, ended.state.name, ended.until) == ("COMPLETED", "Hold expired", until)
