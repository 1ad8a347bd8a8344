"""The console on a real server: what is where, what the last reversion did, and text that stays text."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reversion.features.listing import board
from reversion.features.values import Feature, State
from reversion.outcome import Case, Check
from reversion.report import Column, Page, board_pages, check_rows, environment_pages
from tests.e2e.browser import logged_in
from tests.e2e.server import Server, wait_for
from tests.e2e.stand import NEW, OLD, Stand, a_stand
from tests.small_product import make_small_product

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("shown"), name="shown")
    with a_stand(server, small, "staging") as deployed:
        yield deployed


def latest(stand: Stand, key: str) -> str:
    """The text of the newest page of that key; empty where there is none."""
    asked = {"artifacts": {"key": {"any_": [key]}}, "limit": 1}
    found: list[dict[str, Any]] = stand.api.ask("/artifacts/latest/filter", asked) or []
    return found[0]["data"] if found else ""


def take_snapshot(stand: Stand, environment: str, label: str) -> None:
    """Run the snapshot deployment to its end."""
    deployment = stand.runs.deployment("shown", "snapshot")
    order = {"parameters": {"environment": environment, "label": label}}
    run = stand.api.ask(f"/deployments/{deployment}/create_flow_run", order)["id"]
    ended = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
    wait_for(lambda: stand.api.read(f"/flow_runs/{run}")["state"]["type"] in ended, 240, "the snapshot")
    assert stand.api.read(f"/flow_runs/{run}")["state"]["name"] == "Tagged"


def row(text: str, feature: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {feature} "))


def test_the_board_follows_snapshots_and_reversions(stand: Stand):
    take_snapshot(stand, "uat", "first")
    assert row(latest(stand, "board-shown"), "SHOP-2").endswith("| absent | complete | never looked at |")

    run = stand.start_and_wait()
    stand.answer(run)
    stand.wait_until(run, "Proven")
    wait_for(lambda: "SHOP-2" in latest(stand, "features-shown-staging"), 60, "the console")
    console, shown = latest(stand, "features-shown-staging"), latest(stand, "board-shown")
    assert stand.small.running("staging") == OLD
    assert f"](/runs/flow-run/{run}) to {stand.snapshots['staging']}: 2 lost, 0 in part, 0 regained" in console
    assert row(console, "SHOP-3").endswith("| absent | pay 0/1 | lost |")
    assert row(shown, "SHOP-3").endswith("| absent, lost | complete | never looked at |")

    stand.small.run("staging", **NEW)
    take_snapshot(stand, "staging", "mended")
    console = latest(stand, "features-shown-staging")
    assert f"](/runs/flow-run/{run})" in console
    assert "Of these still so: none" in console
    assert row(console, "SHOP-3").endswith("| complete | pay 1/1 |  |")


HOSTILE = (
    '<script>document.title="evil"</script>',
    "<img src=https://evil.example/p.png onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](https://evil.example/q.png)",
    "https://evil.example www.evil.example ana@evil.example",
    "| a | **b** `c` <https://evil.example>",
)


def many_features() -> tuple[Feature, ...]:
    return tuple(
        Feature(id=f"A-{number}", title=HOSTILE[number % len(HOSTILE)], state=State.COMPLETE)
        for number in range(2000)
    )


def post(server: Server, key: str, kind: str, text: str) -> str:
    with server.http() as http:
        answer = http.post("/artifacts/", json={"key": key, "type": kind, "data": text})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.mark.browser
def test_hostile_text_stays_text_in_the_browser_and_pages_are_shown_at_once(server: Server, tmp_path: Path):
    features = many_features()
    columns = [Column(environment="staging", seen="noon"), Column(environment="live", seen="noon")]
    pages: list[Page] = [
        environment_pages("evil", columns[0], features)[0],
        board_pages("evil", columns, board({"staging": features, "live": ()}))[-1],
    ]
    cases = tuple(Case(name=text, state="failed", message=text) for text in HOSTILE)
    rows = [each.model_dump() for each in check_rows((Check(name="smoke", passed=False, cases=cases),))]
    shown = {
        **{page.key: (post(server, page.key, "markdown", page.text), 500) for page in pages},
        "checks-evil": (post(server, "checks-evil", "table", json.dumps(rows)), len(HOSTILE)),
    }
    with logged_in(server, "/artifacts") as page:
        alarms: list[str] = []
        page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda asked: alarms.append(asked.url) if "evil.example" in asked.url else None)
        for key, (id, count) in shown.items():
            page.goto(f"{server.url.removesuffix('/api')}/artifacts/artifact/{id}")
            page.get_by_text("document.title=").first.wait_for(timeout=30_000)
            assert page.locator("tbody tr").count() >= count, key
            links = page.eval_on_selector_all("a[href], img", "all => all.map(one => one.outerHTML)")
            assert not [link for link in links if re.search(r"evil\.example|javascript:|mailto:", link)], key
            assert page.title() != "evil"
    assert alarms == []
