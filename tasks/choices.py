"""The drop-downs of the deployment's form: environments that can be reverted, and the newest snapshots."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.exceptions import ObjectNotFound

from reversion.adapters import tags
from reversion.operations.workspace import Workspace
from tasks.settings import workspace

_NEWEST = 200


@task(task_run_name="Refresh the drop-down of snapshots", cache_policy=NO_CACHE)
def refresh_choices() -> None:
    """Offer the newest snapshots in the form of the revert deployment; nothing where it is not deployed."""
    opened = workspace()
    with get_client(sync_client=True) as client:
        offer_choices(client, opened)


def offer_choices(client: SyncPrefectClient, opened: Workspace) -> None:
    """Patch the deployment's parameter schema; a redeployment writes it anew, so call this after each."""
    try:
        deployment = client.read_deployment_by_name(f"revert/{opened.product.product}")
    except ObjectNotFound:
        return
    schema = with_choices(deployment.parameter_openapi_schema or {}, opened)
    client.update_deployment(deployment.id, DeploymentUpdate(parameter_openapi_schema=schema))


def with_choices(schema: dict[str, Any], opened: Workspace) -> dict[str, Any]:
    """Return the schema with its two drop-downs, refusing unknown parameters.

    The server refuses what is not listed unless the caller turns that off, so the flow checks again.
    """
    environments = [name for name, environment in opened.product.environments.items() if environment.restore]
    snapshots = [name for each in environments for name in tags.names(opened.repository, each)]
    newest = sorted(snapshots, key=lambda name: name.rsplit("/", 1)[1], reverse=True)[:_NEWEST]
    properties = dict(schema.get("properties", {}))
    properties["environment"] = {**properties.get("environment", {}), "enum": environments}
    properties["snapshot"] = {**properties.get("snapshot", {}), "enum": [tags.LATEST_VERIFIED, *newest]}
    return {**schema, "properties": properties, "additionalProperties": False}
