"""The environments' locks in Prefect: global concurrency limits of one slot, held by lease, and who has them."""

from datetime import UTC, datetime
from typing import Any

from reversion.adapters import run_rows as rows
from reversion.adapters.approvals import Approvals
from reversion.adapters.prefect_api import PrefectApi
from reversion.adapters.runs import REVERT, SNAPSHOT, UNLOCK, Runs
from reversion.history import RunRecord
from reversion.locks import Broken, Lock, Occupant, lock_of
from reversion.text import plain

_BROKEN = "Lock broken"
_UNDER_WAY = ["RUNNING", "PAUSED", "CANCELLING", "PENDING", "SCHEDULED"]


def lock_name(product: str, environment: str) -> str:
    """Name the limit that lets one run at a time have an environment; also the key of the page that says which."""
    return f"reversion-{product}--{environment}"


class Locks:
    """The locks of a product's environments on one Prefect server."""

    def __init__(self, api: PrefectApi, product: str) -> None:
        self.api = api
        self.product = product
        self._runs = Runs(api)
        self._approvals = Approvals(api)

    def look(self, environment: str) -> Lock:
        """Tell how an environment's lock stands."""
        slots = self._slots(environment)
        holder = self._holder(environment) if slots else None
        under_way = tuple(self._occupant(run, run.started) for run in self._under_way(environment))
        return lock_of(environment, slots, holder, under_way)

    def renew(self, environment: str) -> None:
        """Make the lock anew, and free.

        Its slots are not just set to 0: the lease of the run that had it would end later, and would then free the
        slot of whichever run has it by that time.
        """
        name = lock_name(self.product, environment)
        self.api.remove(f"/v2/concurrency_limits/{name}")
        self.api.ask("/v2/concurrency_limits/", {"name": name, "limit": 1})

    def keep(self, environment: str, sentence: str, parameters: dict[str, str]) -> None:
        """Keep the breaking of a lock as a run of its own, which needs no worker."""
        flow = rows.parse(rows.Named, self.api.ask("/flows/", {"name": UNLOCK}))
        order = {
            "flow_id": flow.id,
            "name": f"{parameters['by']} broke the lock of {environment}",
            "parameters": parameters,
            "tags": ["reversion", f"product:{self.product}", f"environment:{environment}"],
            "state": {"type": "COMPLETED", "name": _BROKEN, "message": sentence},
        }
        self.api.ask("/flow_runs/", order)

    def broken(self, environment: str, limit: int) -> tuple[Broken, ...]:
        """Return the locks that were broken, newest first."""
        tags = [f"product:{self.product}", *([f"environment:{environment}"] if environment else [])]
        asked = {
            "flows": {"name": {"any_": [UNLOCK]}},
            "flow_runs": {"tags": {"all_": tags}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": min(limit, 200),
        }
        found = rows.parse_all(rows.Run, self.api.ask("/flow_runs/filter", asked))
        return tuple(
            Broken(
                id=run.id,
                environment=plain(str(run.parameters.get("environment", "")), 60),
                at=run.created or run.expected_start_time or datetime.now(UTC),
                told=rows.moment(run.state).message or plain(run.name, 200),
                page=self._runs.page(run.id),
            )
            for run in found
        )

    def _slots(self, environment: str) -> int | None:
        found = self.api.read(f"/v2/concurrency_limits/{lock_name(self.product, environment)}")
        return None if found is None else rows.parse(rows.Limit, found).active_slots

    def _holder(self, environment: str) -> Occupant | None:
        """Return the run that said last that it took the lock."""
        asked = {"artifacts": {"key": {"any_": [lock_name(self.product, environment)]}}, "limit": 1}
        found = rows.parse_all(rows.Artifact, self.api.ask("/artifacts/filter", asked | {"sort": "CREATED_DESC"}))
        if not found or not found[0].flow_run_id:
            return None
        run = self.api.read(f"/flow_runs/{found[0].flow_run_id}")
        return self._occupant(self._runs.status(found[0].flow_run_id), found[0].created) if run else None

    def _under_way(self, environment: str) -> list[RunRecord]:
        """Return the runs of the environment that have begun and not ended, oldest first."""
        asked: dict[str, Any] = {
            "flows": {"name": {"any_": [REVERT, SNAPSHOT]}},
            "flow_runs": {
                "tags": {"all_": [f"product:{self.product}"]},
                "state": {"type": {"any_": _UNDER_WAY}},
                "start_time": {"after_": datetime.fromtimestamp(0, UTC).isoformat()},
            },
            "sort": "START_TIME_ASC",
        }
        found = rows.parse_all(rows.Run, self.api.ask_all("/flow_runs/filter", asked))
        return [
            rows.told(run, None, self._runs.page(run.id))
            for run in found
            if run.parameters.get("environment") == environment
        ]

    def _occupant(self, run: RunRecord, since: datetime | None) -> Occupant:
        return Occupant(
            run=run.id,
            name=run.name,
            state=run.state,
            since=since,
            by=self._approvals.approver(run.id),
            page=run.page,
        )
