"""When snapshots are taken by themselves."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound

from reversion.product import Product


def nightly(client: SyncPrefectClient, product: Product) -> list[DeploymentScheduleCreate]:
    """Return the nightly snapshots. One that somebody has paused stays paused."""
    paused = _paused(client, product.product)
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=environment.nightly.cron, timezone=environment.nightly.timezone),
            slug=f"nightly-{environment.name}",
            parameters={"environment": environment.name, "skip_unchanged": True},
            active=f"nightly-{environment.name}" not in paused,
        )
        for environment in product.environments.values()
        if environment.nightly
    ]


def _paused(client: SyncPrefectClient, product: str) -> set[str | None]:
    try:
        known = client.read_deployment_by_name(f"snapshot/{product}")
    except ObjectNotFound:
        return set()
    return {schedule.slug for schedule in known.schedules if not schedule.active}
