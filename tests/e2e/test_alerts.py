"""What an alert can start over HTTP, and what it can't."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.server import AUTH, Server, wait_for
from tests.e2e.stand import Stand, a_stand
from tests.small_product import make_small_product

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("alerts"), name="alerts")
    with a_stand(server, small, "staging", "uat") as deployed:
        yield deployed


@pytest.fixture(autouse=True)
def _nothing_left_waiting(stand: Stand) -> Iterator[None]:
    yield
    for run in stand.runs.history(stand.small.name, None, 50):
        if not run.state.is_final:
            order = {"state": {"type": "CANCELLED", "name": "Cancelled"}, "force": True}
            stand.api.order(f"/flow_runs/{run.id}/set_state", order)


def trigger(stand: Stand, key: str, **parameters: Any) -> httpx.Response:
    """Send what a monitor sends: one request, logged in."""
    path = f"/deployments/{stand.runs.deployment(stand.small.name)}/create_flow_run"
    with stand.server.http() as monitor:
        return monitor.post(path, json={"parameters": parameters, "idempotency_key": key})


def emit(stand: Stand, environment: str, payload: dict[str, str]) -> None:
    """Post one event, as a monitor that knows events does."""
    event = {
        "event": "reversion.alert",
        "resource": {"prefect.resource.id": f"reversion.environment.{stand.small.name}.{environment}"},
        "payload": payload,
        "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "id": str(uuid4()),
    }
    with stand.server.http() as monitor:
        assert monitor.post("/events", json=[event]).status_code == 204


def count(stand: Stand) -> int:
    return len(stand.runs.history(stand.small.name, None, 1000))


def test_one_request_starts_a_reversion_that_waits_for_approval(stand: Stand):
    answer = trigger(stand, "disk-full-1", environment="staging", reason="disk full")

    assert answer.status_code == 201
    run = stand.wait_until(answer.json()["id"], "Waits for approval")
    assert (run.environment, run.asked) == ("staging", "disk full")


def test_the_same_alert_again_starts_nothing_new(stand: Stand):
    first = trigger(stand, "disk-full-2", environment="staging")
    before = count(stand)

    again = trigger(stand, "disk-full-2", environment="staging")

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert count(stand) == before


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"environment": "staging", "snapsot": "latest-verified"}, id="a misspelt parameter"),
        pytest.param({"environment": "live"}, id="an environment that can't be restored"),
        pytest.param({"environment": "staging", "snapshot": "reversion/staging/x"}, id="an unknown snapshot"),
        pytest.param({"environment": ["staging", "uat"]}, id="two environments"),
        pytest.param({"environment": "staging", "reason": "x" * 501}, id="a reason without end"),
        pytest.param({}, id="no environment"),
    ],
)
def test_wrong_parameters_are_refused_and_nothing_starts(stand: Stand, parameters: dict[str, Any]):
    before = count(stand)

    answer = trigger(stand, f"wrong-{time.monotonic_ns()}", **parameters)

    assert answer.status_code in (409, 422)
    assert count(stand) == before


@pytest.mark.parametrize("auth", [None, ("reversion", "guessed")], ids=["no password", "a wrong password"])
def test_who_is_not_logged_in_starts_nothing(stand: Stand, auth: tuple[str, str] | None):
    path = f"{stand.server.url}/deployments/{stand.runs.deployment(stand.small.name)}/create_flow_run"
    before = count(stand)

    answer = httpx.post(path, json={"parameters": {"environment": "staging"}}, auth=auth)

    assert answer.status_code == 401
    assert AUTH not in answer.text
    assert count(stand) == before


def test_an_event_plans_one_reversion_however_often_it_is_repeated(stand: Stand):
    before = count(stand)

    for _ in range(3):
        emit(stand, "uat", {"reason": "latency above 2 s", "environment": "staging"})
    wait_for(lambda: count(stand) > before, 30, "the run that the event starts")
    time.sleep(3)

    assert count(stand) == before + 1
    run = stand.runs.history(stand.small.name, None, 1)[0]
    assert (run.environment, run.snapshot) == ("uat", "latest-verified")
    assert run.asked == "latency above 2 s"


def test_an_event_that_names_an_unknown_snapshot_starts_nothing(stand: Stand):
    before = count(stand)

    emit(stand, "staging", {"snapshot": "reversion/staging/2020-01-01T00-00-00Z-000000000000"})
    time.sleep(5)

    assert count(stand) == before
