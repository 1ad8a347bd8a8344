"""Trackers give features their titles, and never stand in the way of a review, a snapshot or a list of features."""

import base64
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reversion.adapters.catalogue import open_titles
from reversion.cli import main
from reversion.features.titles import Title
from reversion.features.values import Feature
from reversion.operations import judging, tagging, titling
from reversion.operations.doctor_trackers import examine_trackers
from reversion.operations.titling import titles_of
from reversion.operations.workspace import Workspace, open_workspace
from reversion.snapshot import TakenBy
from tests import fake_trackers as fakes
from tests.builders import an_observation
from tests.fake_trackers import FakeTracker, Reply, a_fake_tracker
from tests.small_product import SmallProduct, make_small_product

SECRET = "s3cret-of-the-tracker"
ISSUES = (
    fakes.jira_issue("SHOP-1", "Gift cards for everybody"),
    fakes.jira_issue("SHOP-2", "Coupons", "Bug"),
    fakes.jira_issue("SHOP-4", "Cards"),
)
ENTRY = "schema: reversion.feature/1\nid: SHOP-4\ntitle: Cards of all makers\n"


@pytest.fixture
def jira() -> Iterator[FakeTracker]:
    with a_fake_tracker(fakes.jira_cloud(*ISSUES)) as fake:
        yield fake


@pytest.fixture
def small(jira: FakeTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProduct:
    """The small product, whose tracker says more than its commits do, but of SHOP-3."""
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JIRA_TOKEN", SECRET)
    made = make_small_product(tmp_path)
    tracker = f"{{kind: jira, url: '{jira.url}', projects: [SHOP], user: bot@example.com, token: JIRA_TOKEN}}"
    text = (made.product / "reversion.yaml").read_text()
    text = text.replace("features:\n", f"features:\n  catalogue: features/*.yaml\n  trackers: [{tracker}]\n")
    made.git().commit("Name the tracker", {"reversion.yaml": text, "features/cards.yaml": ENTRY})
    return made


def opened(small: SmallProduct) -> Workspace:
    return open_workspace(str(small.product))


def features(small: SmallProduct, *, refresh: bool = True) -> dict[str, Feature]:
    """Judge staging's features, as if it had just been seen to run 1.1.0."""
    seen = an_observation(cart="1.1.0", pay="1.1.0", web="1.1.0")
    return {one.id: one for one in judging.features_of(opened(small), seen, refresh=refresh)}


def titles(small: SmallProduct, *, refresh: bool = True) -> dict[str, str]:
    return {id: one.title for id, one in features(small, refresh=refresh).items()}


def take(small: SmallProduct) -> str:
    """Take a snapshot of staging whose tests passed; return its tag."""
    workspace = opened(small)
    staging = workspace.product.environment("staging")
    verified = tagging.verification(workspace, staging, lambda _: None)
    request = tagging.Request(by=TakenBy(kind="person", name="Ana"), verification=verified)
    return tagging.take(workspace, staging, request).recorded.tag


def an_hour_older_than_a_day(small: SmallProduct, **titles: str) -> None:
    """Let these titles have been kept for longer than they are good for."""
    known = {id.replace("_", "-"): Title(title=title) if title else None for id, title in titles.items()}
    source = titling.source_of(opened(small).product.features.trackers[0])
    open_titles(opened(small).home).write(source, known, datetime.now(UTC) - timedelta(hours=25))


def asked(jira: FakeTracker) -> list[list[str]]:
    return [heard.body["issueIdsOrKeys"] for heard in jira.heard]


def test_titles_come_from_the_entry_then_the_tracker_then_the_commits(small):
    assert titles(small) == {
        "SHOP-1": "Gift cards for everybody",
        "SHOP-2": "Coupons",
        "SHOP-3": "check amounts",
        "SHOP-4": "Cards of all makers",
    }


def test_a_trackers_kind_and_page_are_told(small, jira):
    feature = features(small)["SHOP-2"]

    assert (feature.kind, feature.url) == ("fix", f"{jira.url}/browse/SHOP-2")


def test_the_newest_are_asked_for_first_and_once_a_day(small, jira):
    features(small)
    features(small)

    assert asked(jira) == [["SHOP-4", "SHOP-3", "SHOP-2", "SHOP-1"]]


def test_what_was_kept_for_more_than_a_day_is_asked_for_anew(small, jira):
    features(small)
    an_hour_older_than_a_day(small, SHOP_1="Gift cards", SHOP_3="")

    told = titles(small)

    assert [sorted(keys) for keys in asked(jira)[1:]] == [["SHOP-1", "SHOP-3"]]
    assert told["SHOP-1"] == "Gift cards for everybody"


def test_a_title_stays_where_the_tracker_knows_the_feature_no_longer(small, jira):
    an_hour_older_than_a_day(small, SHOP_1="Gift cards of old")
    jira.answer = fakes.jira_cloud()

    assert titles(small)["SHOP-1"] == "Gift cards of old"
    assert titles(small)["SHOP-1"] == "Gift cards of old"
    assert len(jira.heard) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply({}, 401),
        Reply({}, 403),
        Reply({}, 404),
        Reply({}, 429, {"Retry-After": "60"}),
        Reply(b"Oops", 500),
        Reply(b"<html>Log in</html>"),
        Reply(b"{"),
    ],
    ids=["401", "403", "404", "429", "500", "login page", "broken"],
)
def test_a_tracker_that_fails_leaves_what_is_kept_and_one_line(small, jira, caplog, reply):
    an_hour_older_than_a_day(small, SHOP_1="Gift cards of old")
    jira.answer = lambda _: reply

    told = titles(small)

    assert (told["SHOP-1"], told["SHOP-2"]) == ("Gift cards of old", "coupons")
    (line,) = (record for record in caplog.records if record.name == "reversion")
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith(f"The tracker at {jira.url} ")


def test_a_tracker_that_failed_is_left_alone_for_a_while(small, jira, caplog):
    jira.answer = lambda _: Reply({}, 429, {"Retry-After": "600"})
    features(small)
    jira.answer = fakes.jira_cloud(*ISSUES)

    features(small)

    assert len(jira.heard) == 1
    workspace = opened(small)
    source = titling.source_of(workspace.product.features.trackers[0])
    until = open_titles(workspace.home).silent_until(source)
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)


def test_a_tracker_is_asked_again_when_its_pause_is_over(small, jira):
    workspace = opened(small)
    source = titling.source_of(workspace.product.features.trackers[0])
    open_titles(workspace.home).silence(source, datetime.now(UTC) - timedelta(seconds=1))

    assert titles(small)["SHOP-1"] == "Gift cards for everybody"


def test_a_token_that_is_not_set_is_told_and_asked_for_again_at_once(small, jira, caplog, monkeypatch):
    monkeypatch.delenv("JIRA_TOKEN")
    features(small)
    monkeypatch.setenv("JIRA_TOKEN", SECRET)

    assert titles(small)["SHOP-1"] == "Gift cards for everybody"
    assert "JIRA_TOKEN is not set" in caplog.text


def test_offline_nobody_is_asked_and_kept_titles_are_used(small, jira):
    an_hour_older_than_a_day(small, SHOP_1="Gift cards of old")

    told = titles(small, refresh=False)

    assert told["SHOP-1"] == "Gift cards of old"
    assert jira.heard == []


def test_a_tracker_that_hangs_is_waited_for_no_longer_than_it_may_and_once(small, jira, monkeypatch):
    an_hour_older_than_a_day(small, SHOP_1="Gift cards of old")
    monkeypatch.setattr(titling, "PATIENCE", 0.5)
    jira.held = True
    ids = ["SHOP-1", "SHOP-2"]
    began = time.monotonic()

    found = titles_of(opened(small), ids, refresh=True)
    titles_of(opened(small), ids, refresh=True)

    assert 0.4 < time.monotonic() - began < 4
    assert found["SHOP-1"].title == "Gift cards of old"
    assert len(jira.heard) == 1


def test_neither_a_snapshot_nor_a_plan_fails_because_a_tracker_does(small, jira, capsys):
    an_hour_older_than_a_day(small, SHOP_1="Gift cards of old")
    jira.close()

    for command in (["snapshot", "--test", "staging"], ["plan", "--json", "staging"]):
        with pytest.raises(SystemExit) as ended:
            main(["--product", str(small.product), *command])
        assert ended.value.code == 0, capsys.readouterr().err

    assert "Gift cards of old" in capsys.readouterr().out


def test_a_catalogue_that_is_broken_leaves_the_commits_titles(small, caplog):
    home = opened(small).home
    (home / "catalogue.db").write_text("this is no database")

    assert titles_of(opened(small), ["SHOP-1"], refresh=True) == {}
    assert "may be deleted" in caplog.text


def test_the_token_is_in_no_log_no_database_and_no_tag(small, jira, caplog):
    caplog.set_level(logging.DEBUG)
    jira.answer = lambda _: Reply({"message": "no"}, 401)
    features(small)
    jira.answer = fakes.jira_cloud(*ISSUES)
    open_titles(opened(small).home).silence(
        titling.source_of(opened(small).product.features.trackers[0]), datetime.now(UTC) - timedelta(seconds=1)
    )
    take(small)

    assert "Gift cards for everybody" in small.git().git("cat-file", "-p", small.tags()[0])
    kept = [path for path in (*opened(small).home.parent.rglob("*"), *small.product.rglob("*")) if path.is_file()]
    assert len(kept) > 20
    leaks = [path for path in kept if any(word in path.read_bytes() for word in words_of(SECRET))]
    assert leaks == []
    assert "httpx" in {record.name for record in caplog.records}
    assert not any(word.decode() in caplog.text for word in words_of(SECRET))


def test_a_product_without_trackers_opens_no_catalogue_for_them(small, jira):
    text = (small.product / "reversion.yaml").read_text()
    without = "".join(line for line in text.splitlines(keepends=True) if "trackers:" not in line)
    small.git().commit("Name none", {"reversion.yaml": without})

    assert titles_of(opened(small), ["SHOP-1"], refresh=True) == {}
    assert not (opened(small).home / "catalogue.db").exists()
    assert jira.heard == []


def test_two_trackers_share_the_features_out(small, jira):
    with a_fake_tracker(fakes.trello({"aB3xYz12": fakes.trello_card("A card")})) as trello:
        text = (small.product / "reversion.yaml").read_text()
        more = f"}}, {{kind: trello, url: '{trello.url}', key: abc, token: JIRA_TOKEN}}]\n"
        small.git().commit("Name another", {"reversion.yaml": text.replace("}]\n", more, 1)})
        found = titles_of(opened(small), ["SHOP-1", "aB3xYz12", "other"], refresh=True)

    assert {id: one.title for id, one in found.items()} == {
        "SHOP-1": "Gift cards for everybody",
        "aB3xYz12": "A card",
    }


def test_the_doctor_says_whether_a_tracker_answers(small, jira, monkeypatch):
    (fine,) = examine_trackers(opened(small))
    jira.answer = lambda _: Reply({}, 401)
    (refused,) = examine_trackers(opened(small))
    monkeypatch.delenv("JIRA_TOKEN")
    (without,) = examine_trackers(opened(small))

    assert (fine.subject, fine.state, fine.message) == ("tracker jira", "ok", f"{jira.url} answers.")
    assert (refused.state, refused.todo) == ("warn", "Check the token in JIRA_TOKEN.")
    assert (without.state, "JIRA_TOKEN is not set" in without.message) == ("warn", True)


@pytest.mark.parametrize(
    ("tracker", "state"),
    [
        ("{{kind: github, url: '{url}', token: JIRA_TOKEN}}", "warn"),
        ("{{kind: github, url: '{url}', repository: shop/plan, prefix: GH-, token: JIRA_TOKEN}}", "ok"),
        ("{{kind: trello, url: '{url}', key: abc, token: JIRA_TOKEN}}", "ok"),
    ],
    ids=["no repository there", "one repository", "cards"],
)
def test_the_doctor_asks_every_kind_of_tracker_for_something(small, jira, tracker, state):
    text = (small.product / "reversion.yaml").read_text()
    named = "".join(
        f"  trackers: [{tracker.format(url=jira.url)}]\n" if "trackers:" in line else line
        for line in text.splitlines(keepends=True)
    )
    small.git().commit("Name another tracker", {"reversion.yaml": named})
    jira.answer = fakes.trello({}) if "trello" in tracker else fakes.github({"shop/plan": {}})

    (finding,) = examine_trackers(opened(small))

    assert (finding.state, len(jira.heard)) == (state, 1 if state == "ok" else 0)


def words_of(secret: str) -> tuple[bytes, ...]:
    """The secret as it is, and as it goes over the wire."""
    return secret.encode(), base64.b64encode(f"bot@example.com:{secret}".encode())
