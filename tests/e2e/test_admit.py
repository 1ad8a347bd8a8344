"""Which reversions are under way, asked of a real server."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from tasks import admit
from tests.e2e.server import Server

pytestmark = pytest.mark.server


@pytest.fixture
def client(server: Server) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(server.url, auth_string=server.auth) as made:
        yield made


def a_run(
    client: SyncPrefectClient,
    environment: str,
    product: str = "",
    deployment: UUID | None = None,
    state: str = "RUNNING",
    begun: str = "RUNNING",
) -> FlowRun:
    """Make a run of the flow `revert` that has begun, by the request that the deployments' page makes."""
    order = {
        "flow_id": str(client.create_flow_from_name("revert")),
        "deployment_id": str(deployment) if deployment else None,
        "parameters": {"environment": environment},
        "tags": [f"product:{product}"] if product else [],
        "state": {"type": begun},
    }
    made = UUID(client._client.post("/flow_runs/", json=order).raise_for_status().json()["id"])
    if state != begun:
        change = {"state": {"type": state}, "force": True}
        client._client.post(f"/flow_runs/{made}/set_state", json=change).raise_for_status()
    return client.read_flow_run(made)


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED", "SCHEDULED", "PENDING"])
def test_a_run_is_found_behind_pages_of_others_and_without_its_deployment(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, state: str
):
    monkeypatch.setattr(admit, "_PAGE", 2)
    product = f"many-{state.lower()}"
    deployment = client.create_deployment(client.create_flow_from_name("revert"), product)
    for _ in range(5):
        a_run(client, "uat", product, deployment)
    for _ in range(2):  # one of them ends a page
        a_run(client, "uat", product, deployment, "SCHEDULED", begun="SCHEDULED")
    first = a_run(client, "staging", product, None, state)
    fresh = a_run(client, "staging", "", deployment)
    a_run(client, "staging", product, deployment, "COMPLETED")
    a_run(client, "staging", "another")
    mine = a_run(client, "staging", product, deployment)

    found = admit.under_way(client, mine, product, "staging")

    assert [run.id for run in found] == [first.id, fresh.id]
