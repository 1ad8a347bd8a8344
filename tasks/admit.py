"""Admit a run: only one reversion of an environment may be under way, and it must be known by name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from uuid import UUID

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run

from reversion.adapters.locks import lock_name
from reversion.errors import Occupied, ServerFailed
from tasks.settings import kept, workspace

_LEASE = 60.0
_PAGE = 200
_UNDER_WAY = [
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
    StateType.PENDING,
    StateType.SCHEDULED,
]


@kept(task_run_name="Admit a reversion of {environment}")
def admit(environment: str, snapshot: str, attempt: int) -> None:
    """Check the names, name and tag the run for the history, and refuse it while another one is under way."""
    product = workspace().product
    product.environment(environment)
    tags = {"reversion", f"product:{product.product}", f"environment:{environment}", f"snapshot:{snapshot}"}
    with get_client(sync_client=True) as client:
        mine = client.read_flow_run(UUID(flow_run.get_id()))
        for other in under_way(client, mine, product.product, environment):
            if attempt > 1 or _began(other) <= _began(mine):
                raise Occupied(
                    f"Another reversion of {environment} is already under way: '{other.name}', run {other.id}.",
                    f"Wait for it, or answer it: reversion approve {other.id} (or reject).",
                )
        client.update_flow_run(mine.id, tags=sorted({*mine.tags, *tags}))


def under_way(client: SyncPrefectClient, mine: FlowRun, product: str, environment: str) -> list[FlowRun]:
    """Return the other runs for the same environment and product that have begun and not ended, oldest first.

    A run that was admitted is known by its tags, also where its deployment was deleted or made anew since.
    """
    return [
        run
        for run in _begun(client)
        if run.id != mine.id
        and run.parameters.get("environment") == environment
        and (f"product:{product}" in run.tags or run.deployment_id == mine.deployment_id)
    ]


def _begun(client: SyncPrefectClient) -> Iterator[FlowRun]:
    """Yield every reversion on the server that has begun and not ended, page by page from the oldest on.

    A page begins where the last one ended, so that runs that end meanwhile move nothing out of sight; among runs that
    began at the same moment it is counted.
    """
    told: set[UUID] = set()
    since, offset = datetime.fromtimestamp(0, UTC), 0
    while True:
        page = client.read_flow_runs(
            flow_filter=FlowFilter(name={"any_": ["revert"]}),
            flow_run_filter=FlowRunFilter(state={"type": {"any_": _UNDER_WAY}}, start_time={"after_": since}),
            sort=FlowRunSort.START_TIME_ASC,
            limit=_PAGE,
            offset=offset,
        )
        new = [run for run in page if run.id not in told]
        yield from new
        told.update(run.id for run in new)
        if len(page) < _PAGE:
            return
        last = page[-1].start_time or page[-1].expected_start_time  # as the server sorts them
        if new and last and last > since:
            since, offset = last, 0
        else:
            offset += _PAGE


def _began(run: FlowRun) -> datetime:
    return run.start_time or datetime.now(UTC)


def approval_key() -> str:
    """Return the key to suspend under: that of the approval the run has, or a new one where a retry gave it up."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.get_id()))
    kept = [key for key in run.empirical_policy.pause_keys or () if key.startswith("approval")]
    return next(iter(kept), "approval" if run.run_count <= 1 else f"approval-{run.run_count}")


def attempt() -> int:
    """Return which attempt at the run this is: 1 also after the approval, more when it was retried."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(flow_run.get_id())).run_count


@contextmanager
def occupied(product: str, environment: str, wait: float = 30.0) -> Iterator[None]:
    """Hold the environment; raise Occupied after `wait` seconds while another run holds it.

    The lock is a global concurrency limit with a lease, made at deployment. A holder that dies frees it when the
    lease ends.
    """
    name = lock_name(product, environment)
    with ExitStack() as held:
        _take(name, environment, wait, held)
        _say_who(name, environment, return_state=True)
        yield


def _take(name: str, environment: str, wait: float, held: ExitStack) -> None:
    lock = concurrency(
        name, strict=True, timeout_seconds=wait, lease_duration=_LEASE, raise_on_lease_renewal_failure=False
    )
    try:
        held.enter_context(lock)
    except TimeoutError as error:
        raise Occupied(
            f"Another run holds {environment}.",
            "'reversion locks' tells which one; try again when it is done.",
        ) from error
    except ConcurrencySlotAcquisitionError as error:
        raise ServerFailed(
            f"The lock '{name}' does not exist on the Prefect server.",
            "Deploy again: 'reversion serve' or deployments/.",
        ) from error


@task(task_run_name="Take the lock of {environment}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=1)
def _say_who(name: str, environment: str) -> None:
    """Leave word which run has the lock since when: Prefect keeps that, but does not tell it."""
    run = str(flow_run.get_id())
    create_table_artifact([{"run": run}], key=name, description=f"The last run that took the lock of {environment}.")
