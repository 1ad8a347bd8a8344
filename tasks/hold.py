"""Hold deployments off while a reversion changes an environment, and after it; end holds when their time has come."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.settings import get_current_settings

from reversion.adapters.holds import Holds
from reversion.adapters.prefect_api import Address, PrefectApi
from reversion.holds import Reason, lasts_beyond
from reversion.plan import Plan
from tasks.settings import kept, workspace


@kept(task_run_name="Hold deployments to {plan.environment} off")
def hold_off(plan: Plan, attempt: int) -> None:
    """Place the hold that the environment asks for, from now on, unless one that lasts longer is there.

    It is placed before the first change, so that it is there too when the reversion crashes.
    """
    wanted = workspace(plan.head_commit).product.environment(plan.environment).hold
    holds = Holds(_api(), plan.product)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=wanted)
    if not wanted or lasts_beyond(holds.in_force(plan.environment), until):
        return
    run = str(flow_run.get_id())
    why = Reason(by="Reversion", reason=f"run {run[:8]} takes it back to {plan.snapshot}")
    holds.place(plan.environment, until, why, key=f"{run}-{attempt}")


def expiry() -> datetime:
    """Return the time that this run was scheduled for, as somebody may have changed it since."""
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(flow_run.get_id()))
    told = [state.state_details.scheduled_time for state in states if state.type is StateType.SCHEDULED]
    return next((time for time in reversed(told) if time), datetime.now(UTC))


def _api() -> PrefectApi:
    """Reach the server of this run."""
    api = get_current_settings().api
    auth = api.auth_string.get_secret_value() if api.auth_string else ""
    return PrefectApi(Address(url=str(api.url), auth=auth))
