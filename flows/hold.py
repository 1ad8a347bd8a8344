"""Hold deployments to an environment off: the run is the hold, its start is the hold's end."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State, StateDetails
from prefect.states import Completed

from reversion.holds import EXPIRED
from tasks.hold import expiry


@flow(name="hold", flow_run_name="{by} holds {environment}")
def hold(environment: str, reason: str, by: str) -> State[Any]:
    """End a hold whose time has come.

    Args:
        environment: The environment that was held.
        reason: Why, for the history.
        by: Who held it.
    """
    message = f"{by} held {environment}: {reason}. Deployments are free again."
    return Completed(name=EXPIRED, message=message, state_details=StateDetails(scheduled_time=expiry()))
