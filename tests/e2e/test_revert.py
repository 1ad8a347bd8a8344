"""Reversions on a real server and worker: every way they end, and what is where then."""

import json
from collections.abc import Iterator

import pytest

from reversion.history import WAITS
from tests.e2e.server import Server, wait_for
from tests.e2e.stand import NEW, OLD, Stand, a_stand
from tests.small_product import make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

MISSING = "reversion/staging/2020-01-01T00-00-00Z-000000000000"


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("small"), name="small", environments=("staging", "uat"))
    with a_stand(server, small, "staging", "uat") as stand:
        yield stand


@pytest.fixture
def stand(deployed: Stand) -> Stand:
    deployed.begin_anew()
    return deployed


@pytest.fixture(scope="module")
def proven(deployed: Stand) -> str:
    """The id of a reversion of staging that was approved and proven."""
    run = deployed.start_and_wait()
    review = deployed.approvals.review(run)
    assert "You will lose (2)" in review.text
    assert review.text.index("SHOP-3") < review.text.index("SHOP-2"), "the security fix comes first"
    assert deployed.small.running("staging") == NEW, "nothing is changed before the approval"
    deployed.answer(run)
    deployed.wait_until(run, "Proven")
    return run


def test_an_approved_reversion_is_proven_and_only_its_environment_changes(deployed: Stand, proven: str):
    stand, run = deployed, proven
    record = stand.runs.status(run)

    assert stand.small.running("staging") == OLD
    assert stand.small.running("uat") == NEW
    assert (stand.small.root / "staging-1" / "settings.ini").read_text() == "colour = blue\n"
    assert record.record is not None
    assert (record.record.approver, record.record.reason) == ("Ana", "OPS-7")
    assert record.record.others_unchanged == "yes"
    assert record.record.safety_snapshot in stand.small.tags()
    detail = stand.detail(run)
    names = [task.name for task in detail.tasks]
    assert {"Restore cart", "Restore pay", "Restore web", "Production test smoke"} <= set(names)
    papers = {paper.key: paper.text for paper in detail.papers}
    assert "SHOP-1" in papers["features-small-staging"]
    assert "security: check amounts" in papers["why-staging"]
    assert "unchanged" in papers["outcome-staging"]


def test_a_proven_reversion_can_be_undone_to_its_safety_snapshot(deployed: Stand, proven: str):
    safety = deployed.runs.status(proven).record.safety_snapshot

    done = deployed.command("undo", proven, "--yes", "--acknowledge", "--as", "Bo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.small.running("staging") == NEW
    newest = deployed.runs.history("small", "staging", 1)[0]
    assert (newest.told, newest.snapshot) == ("Proven", safety)


def test_a_rejected_reversion_changes_nothing(stand: Stand):
    tags = stand.small.tags()
    run = stand.start_and_wait()

    stand.answer(run, approve=False)
    record = stand.wait_until(run, "Rejected")

    assert "Ana rejected it: OPS-7" in record.state.message
    assert stand.small.running("staging") == NEW
    assert stand.small.tags() == tags
    retried = stand.command("retry", run)
    assert (retried.returncode, "nothing to retry" in retried.stderr) == (1, True)


def test_a_run_that_waits_says_so_behind_its_last_sign_of_life(stand: Stand):
    run = stand.start_and_wait()

    def heard() -> list[str]:
        about = {"resource": {"id": [f"prefect.flow-run.{run}"]}}
        told = stand.api.ask("/events/filter", {"filter": about | {"order": "ASC"}, "limit": 50})["events"]
        return [event["event"] for event in told]

    wait_for(lambda: WAITS in heard(), 30, "the run to say that it waits")
    assert "prefect.flow-run.heartbeat" in heard()[: heard().index(WAITS)]
    assert "prefect.flow-run.heartbeat" not in heard()[heard().index(WAITS) :]
    stand.answer(run, approve=False)
    stand.wait_until(run, "Rejected")


def test_silence_means_no(stand: Stand):
    run = stand.start("uat")

    wait_for(lambda: stand.runs.status(run).state.is_final, 120, "the approval to time out")

    told = stand.command("history", run[:8], "--json").stdout
    result = json.loads(told)["detail"]["run"]["state"]["message"]
    assert stand.runs.status(run).told == "Expired"
    anew = f"To start anew: reversion revert uat {stand.snapshots['uat']}"
    assert result == f"Nobody answered within the time. Nothing was changed. {anew}"
    assert "never resumed" not in told
    assert stand.small.running("uat") == NEW


def test_an_approval_is_void_when_the_environment_has_drifted(stand: Stand):
    run = stand.start_and_wait()
    stand.small.run("staging", web="1.0.0")

    stand.answer(run)
    record = stand.wait_until(run, "Void")

    assert "has changed since the review" in record.state.message
    assert stand.small.running("staging") == NEW | {"web": "1.0.0"}


def test_a_second_reversion_of_the_environment_is_refused_while_one_waits(stand: Stand):
    first = stand.start_and_wait()

    second = stand.command("revert", "staging")

    assert second.returncode == 1
    assert second.stdout.startswith("Refused: Another reversion of staging is already under way")
    assert (second.stdout + second.stderr).count(first) == 2, "its message is told once, and names the run twice"
    stand.answer(first, approve=False)
    stand.wait_until(first, "Rejected")


@pytest.mark.parametrize(
    ("environment", "snapshot", "words"),
    [
        pytest.param("nowhere", "latest-verified", "No environment named 'nowhere'", id="an unknown environment"),
        pytest.param(
            "staging",
            MISSING,
            "No snapshot",
            id="an unknown tag",
        ),
        pytest.param(
            "staging", "uat", "is a snapshot of uat, not of staging", id="a snapshot of another environment"
        ),
        pytest.param("staging", "--help", "No snapshot|is no snapshot", id="an option for a tag"),
    ],
)
def test_wrong_names_are_refused_by_the_flow_too(stand: Stand, environment, snapshot, words):
    deployment = stand.runs.deployment("small")
    stand.api.change(f"/deployments/{deployment}", {"enforce_parameter_schema": False})
    try:
        run = stand.start(environment, stand.snapshots.get(snapshot, snapshot))
        record = stand.wait_until(run, "Refused")
    finally:
        stand.api.change(f"/deployments/{deployment}", {"enforce_parameter_schema": True})

    import re

    assert re.search(words, record.state.message)
    assert stand.small.running("staging") == NEW


def test_the_history_reads_back_as_a_table_and_in_full(stand: Stand):
    run = stand.start_and_wait()
    stand.answer(run, approve=False)
    stand.wait_until(run, "Rejected")

    table = stand.command("history", "staging")
    full = stand.command("history", run)

    assert table.returncode == 0, table.stderr
    assert run[:8] in table.stdout
    assert "Rejected" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 120
    assert "You will lose (2)" in full.stdout
    assert "OPS-7" in full.stdout


def test_an_answer_to_another_plan_is_not_taken(stand: Stand):
    run = stand.start_and_wait()
    answer = {"decision": "approve", "approver": "Ana", "reason": "", "plan": "0" * 12, "acknowledge_warnings": True}

    said = stand.api.order(f"/flow_runs/{run}/resume", {"run_input": answer})

    assert said["status"] == "REJECT"
    assert stand.runs.status(run).told == "Waits for approval"
    assert stand.small.running("staging") == NEW


def test_a_run_that_is_forced_to_go_on_without_an_answer_is_refused(stand: Stand):
    run = stand.start_and_wait()

    stand.api.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED"}, "force": True})
    record = stand.wait_until(run, "Refused")

    assert record.state.message.startswith("Somebody set the run going without an answer to its question.")
    assert "Nothing was changed." in record.state.message
    assert stand.small.running("staging") == NEW
