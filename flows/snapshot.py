"""Take a snapshot of what an environment runs: on demand and every night."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.ending import with_refusals_named
from reversion.operations.tagging import Request
from reversion.snapshot import TakenBy
from tasks.admit import occupied
from tasks.choices import refresh_choices
from tasks.record import publish
from tasks.settings import workspace
from tasks.tag import tag, verification

_WAIT = 3600.0


@flow(name="snapshot", flow_run_name="snapshot of {environment}", persist_result=True)
@with_refusals_named
def snapshot(environment: str, label: str = "", skip_unchanged: bool = False) -> State[Any]:
    """Take a snapshot of what an environment runs now, as an annotated tag of the product.

    Args:
        environment: The environment to look at; nothing is changed there.
        label: A name for people, such as a release.
        skip_unchanged: Take none where nothing has changed since the newest one.
    """
    product = workspace().product
    product.environment(environment)
    by = TakenBy(kind="schedule", name="nightly" if skip_unchanged else "snapshot flow", run=flow_run.get_id())
    with occupied(product.product, environment, wait=_WAIT):
        verified = verification(environment)
        request = Request(by=by, label=label, verification=verified, skip_unchanged=skip_unchanged)
        taken = tag(environment, request)
    refresh_choices()
    publish(environment, taken.features, only_first=not taken.is_new, return_state=True)
    if not taken.is_new:
        return Completed(name="Unchanged", message=f"Nothing has changed since {taken.recorded.tag}.")
    return Completed(name="Tagged", message=f"Tagged {taken.recorded.tag}.")
