"""How a busy, silent or foreign server is met: real HTTP, with a server that says what the test tells it to."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters import prefect_api, runs
from reversion.adapters.approvals import Approvals
from reversion.adapters.prefect_api import Address, PrefectApi, find_address, write_private, write_served
from reversion.adapters.runs import Runs, Wanted
from reversion.errors import InvalidInput, Refused, ServerFailed, UnknownName
from reversion.history import Answer, Review
from tests.builders import RUN

PLAN = "0123456789ab"
REVIEW = Review(run=RUN, text="", plan=PLAN)
ANA = Answer(approve=True, approver="Ana")
TAKEN = {"decision": "approve", "approver": "Ana", "reason": "", "plan": PLAN}


class Scripted:
    """A server that gives the next answer of a path's script; the last one stays."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[tuple[int, Any]]] = {}
        self.heard: list[tuple[str, Any]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply()

            def do_POST(self) -> None:
                self._reply()

            def _reply(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                path = self.path.removeprefix("/api").split("?")[0]
                script.heard.append((path, body))
                left = script.scripts.get(path, [(404, {"detail": "Not Found"})])
                status, answer = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, path: str, *answers: tuple[int, Any]) -> None:
        self.scripts[path] = list(answers)

    def count(self, path: str) -> int:
        return sum(heard == path for heard, _ in self.heard)

    @property
    def api(self) -> PrefectApi:
        return PrefectApi(Address(url=f"http://127.0.0.1:{self.http.server_port}/api", auth="user:secret-word"))


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    scripted.says("/artifacts/filter", (200, []))
    yield scripted
    scripted.http.shutdown()
    scripted.http.server_close()


def a_run(kind: str, name: str) -> dict[str, Any]:
    return {"id": RUN, "name": "kind-fox", "state": {"type": kind, "name": name}, "parameters": {}}


def kept(response: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": "suspended-approval-response", "value": json.dumps(response)}]


BUSY = (500, {"exception_message": "database is locked"})


def test_a_question_is_asked_again_while_the_server_is_busy(server: Scripted):
    server.says("/flow_runs/filter", (503, {}), (429, {}), (200, []))

    assert Runs(server.api).history("shop", None, 5) == ()
    assert server.count("/flow_runs/filter") == 3


def test_a_server_that_stays_busy_is_told_with_what_to_do(server: Scripted, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(prefect_api.time, "sleep", waited.append)
    server.says("/flow_runs/filter", (503, {}))

    with pytest.raises(ServerFailed, match="answered 503") as error:
        Runs(server.api).history("shop", None, 5)

    assert "needs PostgreSQL" in error.value.todo
    assert sum(waited) > 15


def test_an_answer_that_a_busy_server_did_not_take_is_given_again(server: Scripted):
    server.says(f"/flow_runs/{RUN}/resume", BUSY, (201, {"status": "ACCEPT"}))
    server.says(f"/flow_runs/{RUN}", (200, a_run("PAUSED", "Suspended")))

    Approvals(server.api).answer(REVIEW, ANA)

    assert server.count(f"/flow_runs/{RUN}/resume") == 2


def test_an_answer_that_a_busy_server_did_take_is_not_given_twice(server: Scripted):
    server.says(f"/flow_runs/{RUN}/resume", BUSY)
    server.says(f"/flow_runs/{RUN}", (200, a_run("SCHEDULED", "Resuming")))
    server.says(f"/flow_runs/{RUN}/input/filter", (200, kept(TAKEN)))

    Approvals(server.api).answer(REVIEW, ANA)

    assert server.count(f"/flow_runs/{RUN}/resume") == 1


def test_when_somebody_else_answered_first_ours_is_not_told_as_taken(server: Scripted):
    server.says(f"/flow_runs/{RUN}/resume", BUSY)
    server.says(f"/flow_runs/{RUN}", (200, a_run("SCHEDULED", "Resuming")))
    server.says(f"/flow_runs/{RUN}/input/filter", (200, kept(TAKEN | {"decision": "reject", "approver": "Bo"})))

    with pytest.raises(Refused, match="does not wait for an answer"):
        Approvals(server.api).answer(REVIEW, ANA)


def test_a_refusal_that_comes_as_success_is_told_as_refusal(server: Scripted):
    said = {"status": "REJECT", "details": {"reason": "'plan' is not one of ['ffff']"}}
    server.says(f"/flow_runs/{RUN}/resume", (200, said))
    server.says(f"/flow_runs/{RUN}", (200, a_run("PAUSED", "Suspended")))

    with pytest.raises(InvalidInput, match="'plan' is not one of"):
        Approvals(server.api).answer(REVIEW, ANA)


def test_who_may_not_approve_is_told_who_may_and_nothing_is_sent(server: Scripted):
    with pytest.raises(UnknownName, match=r"ana@example.com, bo@example.com"):
        Approvals(server.api).answer(
            REVIEW.model_copy(update={"approvers": ("ana@example.com", "bo@example.com")}), ANA
        )

    assert server.heard == []


def test_the_review_is_read_whatever_way_the_form_writes_its_choices(server: Scripted):
    schema = {
        "properties": {
            "decision": {"$ref": "#/definitions/Decision"},
            "approver": {"allOf": [{"$ref": "#/definitions/Approver"}], "title": "Your name"},
            "plan": {"const": PLAN, "default": PLAN},
            "acknowledge_warnings": {"type": "boolean"},
        },
        "definitions": {"Decision": {"enum": ["approve", "reject"]}, "Approver": {"enum": ["Ana", "Bo"]}},
    }
    rows = [
        {"key": "suspended-approval-schema", "value": json.dumps(schema)},
        {"key": "suspended-approval-description", "value": json.dumps("# Review\n\x1b[2JGifts")},
    ]
    server.says(f"/flow_runs/{RUN}", (200, a_run("PAUSED", "Suspended")))
    server.says(f"/flow_runs/{RUN}/input/filter", (200, rows))

    review = Approvals(server.api).review(RUN)

    assert (review.plan, review.approvers, review.asks_acknowledgement) == (PLAN, ("Ana", "Bo"), True)
    assert review.text == "# Review\nGifts"


def test_a_run_that_waits_for_something_else_is_no_approval_of_ours(server: Scripted):
    server.says(f"/flow_runs/{RUN}", (200, a_run("PAUSED", "Paused")))
    server.says(f"/flow_runs/{RUN}/input/filter", (200, []))

    with pytest.raises(ServerFailed, match="not with Reversion's question"):
        Approvals(server.api).review(RUN)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param((201, {"status": "ACCEPT"}), "FAILED", id="it says so"),
        pytest.param(BUSY, "SCHEDULED", id="it was busy, and did"),
    ],
)
def test_a_retry_is_ordered_once(server: Scripted, answer: tuple[int, Any], state: str):
    server.says(f"/flow_runs/{RUN}/set_state", answer)
    server.says(f"/flow_runs/{RUN}", (200, a_run(state, "")))

    Runs(server.api).retry(RUN)

    assert server.count(f"/flow_runs/{RUN}/set_state") == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        pytest.param(
            (200, {"status": "ABORT", "details": {"reason": "no."}}), Refused, "1208499b: no", id="it says no"
        ),
        pytest.param(BUSY, ServerFailed, "too busy", id="it was busy, and did not"),
    ],
)
def test_a_retry_that_was_not_taken_is_told(
    server: Scripted, answer: tuple[int, Any], error: type[Exception], said: str
):
    server.says(f"/flow_runs/{RUN}/set_state", answer)
    server.says(f"/flow_runs/{RUN}", (200, a_run("FAILED", "Tests failed")))

    with pytest.raises(error, match=said):
        Runs(server.api).retry(RUN)


@pytest.mark.parametrize(
    ("kinds", "is_lost"),
    [
        pytest.param(["SCHEDULED", "CRASHED"], True, id="reported once more before a worker took it"),
        pytest.param(["SCHEDULED", "PENDING"], False, id="taken"),
        pytest.param(["SCHEDULED", "PENDING", "CRASHED"], False, id="taken, and crashed anew"),
        pytest.param(["SCHEDULED"], False, id="no worker is there"),
    ],
)
def test_a_crash_that_is_reported_once_more_is_told_from_one_of_the_new_life(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, kinds: list[str], is_lost: bool
):
    monkeypatch.setattr(runs.time, "sleep", lambda _: None)
    begun = datetime(2026, 1, 5, 12, tzinfo=UTC)
    states = [
        {"type": kind, "timestamp": (begun + timedelta(seconds=number)).isoformat()}
        for number, kind in enumerate(["RUNNING", "CRASHED", *kinds], -1)
    ]
    server.says("/flow_run_states/", (200, states[:3]), (200, states))

    assert Runs(server.api).crashes_untaken(RUN, begun, 0.5) is is_lost


def test_a_key_that_was_used_for_another_reversion_starts_nothing_silently(server: Scripted):
    server.says("/deployments/name/revert/shop", (200, {"id": "d1", "name": "shop"}))
    other = a_run("SCHEDULED", "Scheduled") | {"parameters": {"environment": "uat"}}
    server.says("/deployments/d1/create_flow_run", (200, other))

    with pytest.raises(InvalidInput, match="used before"):
        Runs(server.api).start(Wanted(product="shop", environment="staging"), key="alert-1")


def test_a_record_that_somebody_else_wrote_does_not_break_the_history(server: Scripted):
    server.says("/flow_runs/filter", (200, [a_run("COMPLETED", "Proven")]))
    artifact = {"id": "a", "key": "record-staging", "type": "table", "data": "[[]]", "flow_run_id": RUN}
    server.says("/artifacts/filter", (200, [artifact]))

    assert [run.record for run in Runs(server.api).history("shop", None, 5)] == [None]


def test_a_beginning_that_several_runs_have_names_none(server: Scripted):
    second = a_run("COMPLETED", "Proven") | {"id": RUN.replace("80", "81")}
    server.says("/flow_runs/filter", (200, [a_run("COMPLETED", "Proven"), second]))

    with pytest.raises(UnknownName, match="may mean several runs"):
        Runs(server.api).find("shop", "1208499b")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param((401, {}), "did not let us in", id="a wrong password"),
        pytest.param((200, b"<html>"), "is no Prefect API", id="a web page"),
        pytest.param((200, {"id": 3}), "not what this version reads", id="another shape"),
    ],
)
def test_what_a_foreign_server_says_is_a_sentence_without_the_password(
    server: Scripted, answer: tuple[int, Any], words: str
):
    server.says(f"/flow_runs/{RUN}", answer)

    with pytest.raises(ServerFailed, match=words) as error:
        Runs(server.api).status(RUN)

    assert "secret-word" not in str(error.value)


def test_no_server_is_told_with_what_to_do():
    with pytest.raises(ServerFailed, match="reversion serve"):
        Runs(PrefectApi(Address(url="http://127.0.0.1:9/api"))).status(RUN)


def test_the_kept_password_goes_only_to_the_server_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    served = Address(url="http://127.0.0.1:4200/api", auth="user:secret-word")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    write_private(tmp_path / "auth", served.auth)
    write_served(tmp_path, served)

    assert find_address(tmp_path) == served
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api/")
    assert find_address(tmp_path) == served
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere.example/api")
    assert find_address(tmp_path).auth == ""
    assert "secret-word" not in (tmp_path / "serve.json").read_text()
