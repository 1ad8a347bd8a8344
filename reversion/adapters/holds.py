"""Holds in Prefect. A hold is a scheduled flow run: it begins, and by that ends the hold, when its time has come.

So it needs no worker to hold, outlives restarts, and is in the run history with its reason and its end.
"""

from datetime import UTC, datetime
from typing import Any

from reversion.adapters import run_rows as rows
from reversion.adapters.prefect_api import PrefectApi
from reversion.adapters.runs import HOLD, Runs
from reversion.errors import Refused, UnknownName
from reversion.holds import RELEASED, Hold, Reason
from reversion.text import plain

_ON_HOLD = "On hold"
"""The state's name. Prefect marks what is late only where a state is named Scheduled."""


def deployment_of(product: str, environment: str) -> str:
    """Name the deployment of an environment's holds; neither name has a dot in it."""
    return f"{product}.{environment}"


def tags_of(product: str, environment: str = "") -> list[str]:
    """Return the tags by which holds are found: those of an environment, or of the whole product."""
    return [HOLD, f"product:{product}", *([f"environment:{environment}"] if environment else [])]


class Holds:
    """The holds that one Prefect server knows of a product."""

    def __init__(self, api: PrefectApi, product: str) -> None:
        self.api = api
        self.product = product
        self._runs = Runs(api)

    def in_force(self, environment: str = "") -> tuple[Hold, ...]:
        """Return what holds now, of one environment or of all, the longest first.

        The time counts that the run is scheduled for now: somebody may have changed it in the browser.
        """
        asked = {
            "flow_runs": {
                "tags": {"all_": tags_of(self.product, environment)},
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "next_scheduled_start_time": {"after_": datetime.now(UTC).isoformat()},
            },
            "sort": "NEXT_SCHEDULED_START_TIME_ASC",
        }
        found = rows.parse_all(rows.Run, self.api.ask_all("/flow_runs/filter", asked))
        return tuple(self._told(run) for run in reversed(found))

    def newest(self, environment: str, limit: int) -> tuple[Hold, ...]:
        """Return the newest holds, ended ones too, newest first."""
        asked = {
            "flow_runs": {"tags": {"all_": tags_of(self.product, environment)}},
            "flows": {"name": {"any_": [HOLD]}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": min(limit, 200),
        }
        found = rows.parse_all(rows.Run, self.api.ask("/flow_runs/filter", asked))
        return tuple(sorted(map(self._told, found), key=lambda hold: hold.since, reverse=True))

    def place(self, environment: str, until: datetime, given: Reason, *, key: str) -> Hold:
        """Hold deployments off until then. The same key again places nothing new."""
        name = deployment_of(self.product, environment)
        try:
            deployment = self._runs.deployment(name, HOLD)
        except UnknownName as error:
            raise UnknownName(error.message, "Deploy the product again, then hold.") from error
        order = {
            "name": f"{given.by} holds {environment}",
            "parameters": {"environment": environment, "reason": given.reason, "by": given.by},
            "state": _state("SCHEDULED", _ON_HOLD, f"Until {until.isoformat()}: {given.reason}", until),
            "idempotency_key": key,
        }
        return self._told(rows.parse(rows.Run, self.api.ask(f"/deployments/{deployment}/create_flow_run", order)))

    def release(self, hold: Hold, given: Reason) -> None:
        """End a hold before its time; raise Refused where the server does not let it."""
        message = f"{given.by} released it: {given.reason}"
        order = {"state": _state("CANCELLED", RELEASED, message, hold.until)}
        said = rows.parse(rows.Orchestrated, self.api.ask(f"/flow_runs/{hold.id}/set_state", order) or {"status": ""})
        if said.status != "ACCEPT" and not self._runs.status(hold.id).state.is_final:
            reason = plain(str(said.details.get("reason") or "it gave no reason"), 300).rstrip(".")
            raise Refused(f"Prefect does not end hold {hold.id[:8]}: {reason}.", "Try again.")

    def _told(self, run: rows.Run) -> Hold:
        given = run.parameters
        details = run.state.state_details if run.state else {}
        until = rows.time_of(details.get("scheduled_time")) or run.expected_start_time or datetime.now(UTC)
        tagged = [tag.removeprefix("environment:") for tag in run.tags if tag.startswith("environment:")]
        return Hold(
            id=run.id,
            environment=plain((tagged or [str(given.get("environment", ""))])[0], 60),
            by=plain(str(given.get("by") or "somebody"), 100),
            reason=plain(str(given.get("reason") or "no reason given"), 500),
            since=run.created or until,
            until=until,
            state=rows.moment(run.state),
            page=self._runs.page(run.id),
        )


def _state(kind: str, name: str, message: str, until: datetime) -> dict[str, Any]:
    details = {"scheduled_time": until.isoformat()}
    return {"type": kind, "name": name, "message": message, "state_details": details}
