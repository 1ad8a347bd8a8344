"""The nightly snapshot, run by the worker as its schedule runs it."""

import time
from collections.abc import Iterator

import pytest

from tests.e2e.server import Server, wait_for
from tests.e2e.stand import Stand, a_stand
from tests.small_product import make_small_product

pytestmark = pytest.mark.server

NIGHTLY = {"environment": "staging", "skip_unchanged": True}


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("nightly"), name="nightly", environments=("staging",))
    with a_stand(server, small, "staging") as deployed:
        yield deployed


def run_snapshot(stand: Stand, parameters: dict[str, object]) -> tuple[str, str]:
    """Run the snapshot deployment and return its final state's name and message."""
    deployment = stand.runs.deployment("nightly", "snapshot")
    order = {"parameters": parameters, "idempotency_key": f"night-{time.monotonic_ns()}"}
    run = stand.api.ask(f"/deployments/{deployment}/create_flow_run", order)["id"]
    ended = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
    wait_for(lambda: stand.api.read(f"/flow_runs/{run}")["state"]["type"] in ended, 240, "the snapshot")
    state = stand.api.read(f"/flow_runs/{run}")["state"]
    return state["name"], state["message"]


def test_a_night_tags_what_runs_offers_it_and_skips_what_is_unchanged(stand: Stand):
    name, message = run_snapshot(stand, NIGHTLY)
    newest = max(tag for tag in stand.small.tags() if tag.startswith("reversion/staging/"))
    assert (name, message) == ("Tagged", f"Tagged {newest}.")
    assert newest != stand.snapshots["staging"]
    schema = stand.api.read("/deployments/name/revert/nightly")["parameter_openapi_schema"]
    assert newest in schema["properties"]["snapshot"]["enum"]

    name, message = run_snapshot(stand, NIGHTLY)

    assert (name, message) == ("Unchanged", f"Nothing has changed since {newest}.")


def test_a_wrong_environment_is_refused(stand: Stand):
    deployment = stand.runs.deployment("nightly", "snapshot")
    stand.api.change(f"/deployments/{deployment}", {"enforce_parameter_schema": False})

    name, message = run_snapshot(stand, {"environment": "nowhere"})

    assert name == "Refused"
    assert "No environment named 'nowhere'" in message
