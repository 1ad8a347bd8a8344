"""Reversions in Prefect: start them, find them, read them back."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from reversion.adapters import run_rows as rows
from reversion.adapters.prefect_api import PAGE, PrefectApi
from reversion.errors import InvalidInput, Refused, ServerFailed, UnknownName
from reversion.history import WAITS, Moment, Paper, RunDetail, RunRecord, TaskRun
from reversion.report import Record
from reversion.text import Value, plain

REVERT, SNAPSHOT, HOLD, UNLOCK = "revert", "snapshot", "hold", "unlock"
_OF_ALL = "board-"
"""How the keys of pages begin that a run wrote anew, but that tell of all environments."""
_LEAST_PREFIX = 4


class Wanted(Value):
    """What to revert to what, and why."""

    product: str
    environment: str
    snapshot: str = "latest-verified"
    reason: str = ""


class Runs:
    """The reversions that one Prefect server knows."""

    def __init__(self, api: PrefectApi) -> None:
        self.api = api

    def start(self, wanted: Wanted, *, key: str, is_checked: bool = False) -> str:
        """Start a reversion and return its run's id. The same key again returns the same id.

        The server refuses what its form does not offer, unless the caller has checked that it exists: the
        newest snapshot may not be in the form yet.
        """
        asked = {"environment": wanted.environment, "snapshot": wanted.snapshot, "reason": wanted.reason}
        order = {
            "parameters": asked,
            "idempotency_key": key,
            "tags": [f"environment:{wanted.environment}"],
        } | ({"enforce_parameter_schema": False} if is_checked else {})
        made = self.api.ask(f"/deployments/{self.deployment(wanted.product)}/create_flow_run", order)
        run = rows.parse(rows.Run, made)
        if {name: run.parameters.get(name) for name in asked} != asked:
            raise InvalidInput(
                f"The key '{key[:60]}' was used before, for run {run.id}, which reverts something else.",
                "Use a new key.",
            )
        return run.id

    def retry(self, run_id: str, *, keep_approval: bool = False) -> None:
        """Let a run that ended go on, as *Retry* in the browser does: an approval given before is given up.

        With `keep_approval` it is not, as with `prefect flow-run retry`. Raise Refused where the server does not let
        it.
        """
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retried by a person"}
        order = {"state": state, "force": keep_approval}
        said = self.api.order(f"/flow_runs/{run_id}/set_state", order)
        if said is None and self.status(run_id).state.is_final:
            raise ServerFailed("The Prefect server is too busy to retry the run.", "Try again in a minute.")
        taken = rows.parse(rows.Orchestrated, said) if said else None
        if taken and taken.status != "ACCEPT":
            reason = plain(str(taken.details.get("reason") or "it gave no reason"), 300).rstrip(".")
            raise Refused(f"Prefect does not retry run {run_id[:8]}: {reason}.", "Start the reversion again.")

    def say_that_it_waits(self, run_id: str) -> None:
        """Say in an event that a run which crashed is silent until it is set going again.

        A server too busy to hear of its crash would call it dead by its silence, in the middle of its new life.
        """
        run = rows.parse(rows.Run, self.api.read(f"/flow_runs/{run_id}"))
        event = {
            "id": str(uuid4()),
            "event": WAITS,
            "occurred": datetime.now(UTC).isoformat(),
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name},
            "related": [
                {
                    "prefect.resource.id": f"prefect.deployment.{run.deployment_id}",
                    "prefect.resource.role": "deployment",
                }
            ],
        }
        self.api.ask("/events", [event])

    def crashes_untaken(self, run_id: str, since: datetime | None, seconds: float) -> bool:
        """Watch a run that crashed and was set going, until a worker takes it or so many seconds are over.

        Tell whether its crash of `since` was reported once more before, so that no worker ever takes it.
        """
        end = time.monotonic() + seconds
        while since and time.monotonic() < end:
            anew = [state.kind for state in self.states(run_id) if state.at and state.at > since]
            if "PENDING" in anew:
                return False
            if "CRASHED" in anew:
                return True
            time.sleep(1)
        return False

    def deployment(self, product: str, flow: str = REVERT) -> str:
        """Return the id of a product's deployment, or raise UnknownName."""
        found = self.api.read(f"/deployments/name/{flow}/{product}")
        if found is None:
            raise UnknownName(
                f"The Prefect server at {self.api.address.url} has no deployment '{flow}/{product}'.",
                "Make it with 'reversion serve' or 'python -m deployments.deploy'.",
            )
        return rows.parse(rows.Named, found).id

    def page(self, run_id: str) -> str:
        """Return a run's address in the browser."""
        return f"{self.api.address.page}/runs/flow-run/{run_id}"

    def status(self, run_id: str) -> RunRecord:
        """Read one run by its id."""
        found = self.api.read(f"/flow_runs/{run_id}")
        if found is None:
            raise UnknownName(f"There is no run {run_id}.", "'reversion history' lists the runs.")
        return self._told((rows.parse(rows.Run, found),))[0]

    def find(self, product: str, text: str) -> RunRecord:
        """Find a product's run by id, by name, or by a beginning of either (4 letters at least).

        Reversions are looked at first, then holds and broken locks.
        """
        if _is_id(text):
            return self.status(text)
        newest = list(self._newest(product, most=1000)) + self._notices(product)
        named = [run for run in newest if run.name == text]
        begun = [run for run in newest if run.id.startswith(text.lower()) or run.name.startswith(text)]
        found = named or (begun if len(text) >= _LEAST_PREFIX else [])
        if not found:
            raise UnknownName.among("run", text, tuple(f"{run.id[:8]} ({run.name})" for run in newest))
        if len(found) > 1:
            told = ", ".join(f"{run.id[:8]} ({run.name})" for run in found[:5])
            raise UnknownName(f"'{text[:80]}' may mean several runs: {told}.", "Name one by its id.")
        return self._told((found[0],))[0]

    def history(self, product: str, environment: str | None, limit: int) -> tuple[RunRecord, ...]:
        """Return a product's newest reversions, newest first, of one environment or of all."""
        chosen: list[rows.Run] = []
        for run in self._newest(product, most=20_000):
            if environment in (None, run.parameters.get("environment")):
                chosen.append(run)
            if len(chosen) == limit:
                break
        return self._told(tuple(chosen))

    def detail(self, run_id: str) -> RunDetail:
        """Read one reversion whole."""
        return RunDetail(
            run=self.status(run_id),
            states=self.states(run_id),
            tasks=self.tasks(run_id),
            papers=tuple(
                Paper(key=row.key, text=row.data)
                for row in self._artifacts((run_id,), "markdown")
                if row.key and isinstance(row.data, str) and not row.key.startswith(_OF_ALL)
            ),
        )

    def states(self, run_id: str) -> tuple[Moment, ...]:
        """Return the states that a run was in, oldest first."""
        found = rows.parse_all(rows.State, self.api.read(f"/flow_run_states/?flow_run_id={run_id}"))
        return tuple(rows.moment(state) for state in found)

    def tasks(self, run_id: str) -> tuple[TaskRun, ...]:
        """Return a run's steps in the order in which they began."""
        asked = {"flow_runs": {"id": {"any_": [run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        steps = rows.parse_all(rows.Task, self.api.ask_all("/task_runs/filter", asked))
        return tuple(
            TaskRun(
                id=task.id,
                name=task.name,
                state=rows.moment(task.state),
                started=task.start_time,
                seconds=task.total_run_time,
            )
            for task in sorted(steps, key=rows.Task.order)
        )

    def _newest(self, product: str, most: int) -> Iterator[rows.Run]:
        asked: dict[str, Any] = {
            "flows": {"name": {"any_": [REVERT]}},
            "deployments": {"name": {"any_": [product]}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": PAGE,
        }
        for offset in range(0, most, PAGE):
            page = rows.parse_all(rows.Run, self.api.ask("/flow_runs/filter", asked | {"offset": offset}))
            yield from page
            if len(page) < PAGE:
                return

    def _notices(self, product: str) -> list[rows.Run]:
        """Return a product's newest holds and broken locks."""
        asked = {
            "flows": {"name": {"any_": [HOLD, UNLOCK]}},
            "flow_runs": {"tags": {"all_": [f"product:{product}"]}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": PAGE,
        }
        return list(rows.parse_all(rows.Run, self.api.ask("/flow_runs/filter", asked)))

    def _told(self, runs: tuple[rows.Run, ...]) -> tuple[RunRecord, ...]:
        records: dict[str, Record | None] = {}
        for artifact in self._artifacts(tuple(run.id for run in runs), "table"):
            if artifact.flow_run_id and (artifact.key or "").startswith("record-"):
                records[artifact.flow_run_id] = Record.read(artifact.data)
        return tuple(rows.told(run, records.get(run.id), self.page(run.id)) for run in runs)

    def _artifacts(self, run_ids: tuple[str, ...], kind: str) -> list[rows.Artifact]:
        found: list[rows.Artifact] = []
        for start in range(0, len(run_ids), 100):
            asked = {
                "artifacts": {
                    "flow_run_id": {"any_": list(run_ids[start : start + 100])},
                    "type": {"any_": [kind]},
                },
                "sort": "ID_DESC",
            }
            found += rows.parse_all(rows.Artifact, self.api.ask_all("/artifacts/filter", asked))
        return sorted(found, key=rows.Artifact.order)


def _is_id(text: str) -> bool:
    if not re.fullmatch(r"[0-9a-fA-F-]{32,36}", text):
        return False
    try:
        return bool(UUID(text))
    except ValueError:
        return False
