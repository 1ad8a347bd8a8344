"""Tell a Prefect server about a product: work pool, deployments, schedules, locks, automations.

Doing it again changes nothing but what the product file says otherwise now. Run as

    python -m deployments.deploy --product PATH
"""

import os
import shlex
import sys
import time

import click
import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError

from deployments import automations, forms, holds, schedules
from reversion.adapters.locks import lock_name
from reversion.errors import ReversionError, ServerFailed
from reversion.operations.workspace import Workspace, open_workspace
from reversion.text import Value, plain
from tasks.choices import offer_choices, with_choices

_AT_ONCE = 10
"""How many runs of a new work pool at once: each is a process of some 200 MiB, and Ansible's beside it."""


class Deployed(Value):
    """The ids of the product's deployments; `revert` is None where no environment can be restored."""

    revert: str | None
    snapshot: str


def pool_of(product: str) -> str:
    """Name the work pool of a product."""
    return f"reversion-{product}"


def deploy(workspace: Workspace, *, command: str | None = None) -> Deployed:
    """Make the server's side of the product as the product file has it; raise ServerFailed.

    `command` starts a run on a worker. Without one, the worker finds its own Python for every run, at the
    price of a second start of Prefect.
    """
    try:
        with get_client(sync_client=True) as client:
            return _deploy(client, workspace, command)
    except PrefectHTTPStatusError as error:
        said = plain(error.response.text, 300)
        raise ServerFailed(f"Prefect refused the deployment: {error.response.status_code} {said}") from error
    except httpx.TransportError as error:
        raise ServerFailed(
            f"No Prefect server answers: {plain(str(error))}.", "Start one, or set PREFECT_API_URL."
        ) from error


def refresh_choices(workspace: Workspace) -> None:
    """Offer the newest snapshots in the form of the deployed reversion."""
    with get_client(sync_client=True) as client:
        offer_choices(client, workspace)


def _deploy(client: SyncPrefectClient, workspace: Workspace, command: str | None) -> Deployed:
    product = workspace.product
    _pool(client, product.product)
    for environment in product.environments:
        client.upsert_global_concurrency_limit_by_name(lock_name(product.product, environment), 1)
    snapshot = _deployment(client, workspace, command, "snapshot")
    revert = (
        _deployment(client, workspace, command, "revert")
        if any(each.restore for each in product.environments.values())
        else None
    )
    holds.apply(client, product, pool_of(product.product), _job(workspace, command))
    automations.apply(client, product, revert)
    return Deployed(revert=revert, snapshot=snapshot)


def _pool(client: SyncPrefectClient, product: str) -> None:
    wanted = WorkPoolCreate(
        name=pool_of(product),
        type="process",
        description=f"Reversions and snapshots of {product} run on the workers of this pool.",
        concurrency_limit=_AT_ONCE,
    )
    try:
        client.create_work_pool(wanted)
    except ObjectAlreadyExists:
        return


def _deployment(client: SyncPrefectClient, workspace: Workspace, command: str | None, flow: str) -> str:
    name = workspace.product.product
    schema, description = _form(workspace, flow)
    made = client.create_deployment(
        flow_id=client.create_flow_from_name(flow),
        name=name,
        description=description,
        tags=["reversion", f"product:{name}"],
        entrypoint=f"flows.{flow}.{flow}",
        pull_steps=[],
        work_pool_name=pool_of(name),
        job_variables=_job(workspace, command),
        parameter_openapi_schema=schema,
        enforce_parameter_schema=True,
        schedules=schedules.nightly(client, workspace.product) if flow == "snapshot" else [],
    )
    return str(made)


def _form(workspace: Workspace, flow: str) -> tuple[forms.Schema, str]:
    product = workspace.product
    if flow == "snapshot":
        return forms.snapshot_form(product), f"Take a snapshot of what an environment of {product.product} runs."
    return (
        with_choices(forms.revert_form(), workspace),
        f"Take one environment of {product.product}, and only that one, back to a snapshot. "
        "A plan is made first; nothing is changed before it has been approved.",
    )


def _job(workspace: Workspace, command: str | None) -> dict[str, object]:
    env = {"REVERSION_PRODUCT": str(workspace.root), "REVERSION_HOME": str(workspace.home.parent)}
    return {"env": env} | ({"command": command} if command else {})


def _await_server(seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
        if problem is None:
            return
        if time.monotonic() > end:
            raise ServerFailed(f"No Prefect server answers: {plain(str(problem))}.", "Set PREFECT_API_URL.")
        time.sleep(0.5)


@click.command()
@click.option("--product", "-p", default=".", envvar="REVERSION_PRODUCT", help="The product's repository.")
@click.option("--wait", default=0.0, metavar="SECONDS", help="How long the server may take to come up.")
@click.option("--portable", is_flag=True, help="For workers whose Python is at another path than here.")
def main(product: str, wait: float, portable: bool) -> None:
    """Make or renew the deployments of a product on the server that PREFECT_API_URL names."""
    try:
        workspace = open_workspace(product)
        _await_server(wait)
        command = None if portable else shlex.join((sys.executable, "-m", "prefect.engine"))
        made = deploy(workspace, command=command)
    except ReversionError as error:
        click.echo(f"deploy: {error}", err=True)
        sys.exit(error.exit_code)
    name = workspace.product.product
    click.echo(f"revert/{name}    {made.revert or 'none: no environment has a restore playbook'}")
    click.echo(f"snapshot/{name}  {made.snapshot}")
    click.echo(f"hold/{name}.<environment>, one for each")
    click.echo(f"Work pool {pool_of(name)}; start a worker with: prefect worker start --pool {pool_of(name)}")


if __name__ == "__main__":
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    main()
