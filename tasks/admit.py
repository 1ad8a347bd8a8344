"""Admit a run: only one reversion of an environment may be under way, and it must be known by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run

from reversion.errors import Occupied, ServerFailed
from tasks.settings import kept, workspace

_LEASE = 60.0
_UNDER_WAY = [
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
    StateType.PENDING,
    StateType.SCHEDULED,
]


@kept(task_run_name="Admit a reversion of {environment}")
def admit(environment: str, snapshot: str) -> None:
    """Check the names, name and tag the run for the history, and refuse it while another one is under way."""
    opened = workspace()
    opened.product.environment(environment)
    mine = UUID(flow_run.get_id())
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(mine)
        for other in _under_way(environment, run):
            raise Occupied(
                f"Another reversion of {environment} is already under way: '{other.name}', run {other.id}.",
                f"Wait for it, or answer it: reversion approve {other.id} (or reject).",
            )
        tags = {
            "reversion",
            f"product:{opened.product.product}",
            f"environment:{environment}",
            f"snapshot:{snapshot}",
        }
        client.update_flow_run(mine, tags=sorted({*run.tags, *tags}))


def approval_key() -> str:
    """Return the key to suspend under: one approval for a run, and another one where a retry gave the first up."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.get_id()))
    passed = run.empirical_policy.pause_keys or set()
    return "approval" if run.run_count <= 1 or "approval" in passed else f"approval-{run.run_count}"


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
    name = f"reversion-{product}-{environment}"
    try:
        with concurrency(
            name,
            strict=True,
            timeout_seconds=wait,
            lease_duration=_LEASE,
            raise_on_lease_renewal_failure=False,
        ):
            yield
    except TimeoutError as error:
        raise Occupied(
            f"Another run holds {environment}.",
            f"See 'reversion history {environment}', and try again when it is done.",
        ) from error
    except ConcurrencySlotAcquisitionError as error:
        raise ServerFailed(
            f"The lock '{name}' does not exist on the Prefect server.",
            "Deploy again: 'reversion serve' or deployments/.",
        ) from error


def _under_way(environment: str, mine: FlowRun) -> list[FlowRun]:
    """Return the runs that started before this one, for the same environment and product, and have not ended."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name={"any_": ["revert"]}),
            flow_run_filter=FlowRunFilter(state={"type": {"any_": _UNDER_WAY}}),
        )
    return [
        run
        for run in runs
        if run.id != mine.id
        and run.start_time is not None
        and run.deployment_id == mine.deployment_id
        and run.parameters.get("environment") == environment
        and mine.start_time is not None
        and run.start_time <= mine.start_time
    ]
