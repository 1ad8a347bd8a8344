"""The question a suspended reversion asks, and the answer given to it."""

import json
import re
import time
from typing import Any

from reversion.adapters import run_rows as rows
from reversion.adapters.prefect_api import PrefectApi
from reversion.adapters.runs import Runs
from reversion.errors import InvalidInput, Refused, ServerFailed, UnknownName
from reversion.history import Answer, Review, RunRecord, lines_of
from reversion.outcome import WayOn
from reversion.text import plain

_INPUT = re.compile(r"suspended-approval(?:-(?P<attempt>[0-9]{1,4}))?-(?P<part>schema|description|response)")
_TRIES = 13
"""Half a minute: so long SQLite may keep an answer waiting while many runs are at work."""


class Approvals:
    """Reads and answers the approvals of one Prefect server."""

    def __init__(self, api: PrefectApi) -> None:
        self.api = api
        self.runs = Runs(api)

    def review(self, run_id: str) -> Review:
        """Read the question; raise Refused where the run does not wait for an answer."""
        run = self.runs.status(run_id)
        if not run.state.is_waiting:
            raise _not_waiting(run)
        inputs = self._inputs(run_id)
        try:
            fields = _fields(json.loads(inputs["schema"]))
        except (KeyError, ValueError, TypeError) as error:
            raise ServerFailed(f"Run {run_id[:8]} waits, but not with Reversion's question.") from error
        return Review(
            run=run_id,
            text=lines_of(_text(inputs.get("description", ""))),
            plan=next(iter(fields.get("plan", ())), ""),
            approvers=fields.get("approver", ()),
            asks_acknowledgement="acknowledge_warnings" in fields,
            may_leave_out=fields.get("leave_out", ()),
        )

    def answer(self, review: Review, answer: Answer) -> None:
        """Give the answer to exactly this question; raise where it is not the answer that was taken.

        A server that was busy may or may not have taken it: then the state and the kept answer are read.
        """
        if review.approvers and answer.approver not in review.approvers:
            raise UnknownName.among("approver", answer.approver, review.approvers)
        given = _given(review, answer)
        for attempt in range(_TRIES):
            said = self.api.order(f"/flow_runs/{review.run}/resume", {"run_input": given})
            if said is not None and self._is_accepted(rows.parse(rows.Orchestrated, said), review.run, given):
                return
            time.sleep(min(0.3 * 2**attempt, 3))
            if self._was_taken(review.run, given):
                return
        raise ServerFailed("The Prefect server is too busy to take the answer.", "Try again in a minute.")

    def approver(self, run_id: str) -> str:
        """Return who answered a run's question, or nothing where nobody has."""
        kept = self._kept(run_id)
        return plain(str(kept.get("approver", "")), 100) if isinstance(kept, dict) else ""

    def _is_accepted(self, said: rows.Orchestrated, run_id: str, given: dict[str, Any]) -> bool:
        if said.status == "ACCEPT":
            return True
        reason = plain(str(said.details.get("reason") or "it gave no reason"), 300).rstrip(".")
        run = self.runs.status(run_id)
        if not run.state.is_waiting:
            if self._kept(run_id) == given:
                return True
            raise _not_waiting(run)
        raise InvalidInput(f"The answer was not taken: {reason}.", "Correct it and answer again.")

    def _was_taken(self, run_id: str, given: dict[str, Any]) -> bool:
        run = self.runs.status(run_id)
        if run.state.is_waiting:
            return False
        if self._kept(run_id) == given:
            return True
        raise _not_waiting(run)

    def _kept(self, run_id: str) -> Any:
        kept = self._inputs(run_id).get("response")
        return json.loads(kept) if kept else None

    def _inputs(self, run_id: str) -> dict[str, str]:
        found = self.api.ask(f"/flow_runs/{run_id}/input/filter", {"prefix": "", "limit": 100})
        asked = [
            (match, row.value) for row in rows.parse_all(rows.Input, found) if (match := _INPUT.fullmatch(row.key))
        ]
        newest = max((int(match["attempt"] or 1) for match, _ in asked), default=1)
        return {match["part"]: value for match, value in asked if int(match["attempt"] or 1) == newest}


def _given(review: Review, answer: Answer) -> dict[str, Any]:
    """Fill in the form; raise Refused where it does not ask for what the answer says."""
    given: dict[str, Any] = {
        "decision": answer.decision,
        "approver": answer.approver,
        "reason": answer.reason,
        "plan": review.plan,
    }
    if review.asks_acknowledgement:
        given["acknowledge_warnings"] = answer.acknowledge
    if review.may_leave_out:
        for service in answer.leave_out:
            if service not in review.may_leave_out:
                raise UnknownName.among("service", service, review.may_leave_out)
        given["leave_out"] = list(answer.leave_out)
        given["way"] = (WayOn.back if answer.go_back else WayOn.on).value
    elif answer.leave_out or answer.go_back:
        raise Refused(
            f"Run {review.run[:8]} has not failed, so nothing can be left out and there is no way back yet.",
            "Approve or reject it as it is.",
        )
    return given


def _fields(schema: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return each field of the form with the values it may have; none where it is free."""
    shared = schema.get("definitions") or schema.get("$defs") or {}
    found: dict[str, tuple[str, ...]] = {}
    for name, field in schema["properties"].items():
        named = [field, *field.get("allOf", ()), field.get("items", {})]
        named += [shared.get(str(part["$ref"]).rsplit("/", 1)[-1], {}) for part in named if "$ref" in part]
        values = [value for part in named for value in part.get("enum", [])]
        values += [part["const"] for part in named if "const" in part]
        found[name] = tuple(plain(str(value), 120) for value in values)
    return found


def _text(stored: str) -> str:
    """Return the description, which Prefect stores as JSON text."""
    try:
        read = json.loads(stored)
    except ValueError:
        return stored
    return read if isinstance(read, str) else stored


def _not_waiting(run: RunRecord) -> Refused:
    return Refused(
        f"Run {run.name} does not wait for an answer: it is '{run.told}'.",
        f"'reversion history {run.id[:8]}' tells all about it.",
    )
