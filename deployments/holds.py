"""The deployments of holds: one for each environment, so that a hold made in the browser has its tag too."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags, FlowFilter, FlowFilterName

from deployments import forms
from reversion.adapters.holds import deployment_of, tags_of
from reversion.adapters.runs import HOLD
from reversion.product import Product


def apply(client: SyncPrefectClient, product: Product, work_pool: str, job: dict[str, object]) -> None:
    """Make one for each environment; those of environments that are gone go, with their holds."""
    for environment in product.environments:
        _make(client, product.product, environment, work_pool, job)
    wanted = {deployment_of(product.product, environment) for environment in product.environments}
    flow, tags = FlowFilter(name=FlowFilterName(any_=[HOLD])), DeploymentFilterTags(all_=tags_of(product.product))
    for known in client.read_deployments(flow_filter=flow, deployment_filter=DeploymentFilter(tags=tags), limit=200):
        if known.name not in wanted:
            client.delete_deployment(known.id)


def _make(client: SyncPrefectClient, product: str, environment: str, work_pool: str, job: dict[str, object]) -> None:
    client.create_deployment(
        flow_id=client.create_flow_from_name(HOLD),
        name=deployment_of(product, environment),
        description=f"Hold deployments to {environment} off. Start it 'Later': the start date is the hold's end.",
        tags=["reversion", *tags_of(product, environment)],
        parameters={"environment": environment},
        entrypoint="flows.hold.hold",
        pull_steps=[],
        work_pool_name=work_pool,
        job_variables=job,
        parameter_openapi_schema=forms.hold_form(environment),
        enforce_parameter_schema=True,
    )
