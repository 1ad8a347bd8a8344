"""Which ids a tracker is asked for, and what its words say about a feature."""

import pytest
from pydantic import TypeAdapter, ValidationError

from reversion.feature_settings import CatalogueEntry
from reversion.features.describing import describe, told_by
from reversion.features.titles import Title, kind_of, shares, titled
from reversion.tracker_settings import Tracker, source_of

TRACKER: TypeAdapter[Tracker] = TypeAdapter(Tracker)
REPOSITORIES = {
    "cart": "https://github.com/shop/cart.git",
    "pay": "git@github.com:shop/pay.git",
    "web": "ssh://git@git.example:2222/front/end/web.git",
    "near": "https://github.com.evil.example/shop/near",
    "here": "../here",
    "up": "https://github.com/shop/..",
}


def a_tracker(kind: str, **given: object) -> Tracker:
    return TRACKER.validate_python({"kind": kind, "token": "TOKEN"} | given)


JIRA = a_tracker("jira", url="https://jira.example", projects=["SHOP", "PAY"])
GITHUB = a_tracker("github")
GITLAB = a_tracker("gitlab", url="https://git.example")
IDEAS = a_tracker("github", repository="shop/ideas", prefix="idea-")
PLAIN = a_tracker("github", repository="shop/plan")
TRELLO = a_tracker("trello", key="abc")


@pytest.mark.parametrize(
    ("tracker", "id", "key", "repository"),
    [
        (JIRA, "SHOP-42", "SHOP-42", ""),
        (JIRA, "pay-7", "PAY-7", ""),
        (GITHUB, "cart#12", "12", "shop/cart"),
        (GITHUB, "pay#3", "3", "shop/pay"),
        (GITLAB, "web#9", "9", "front/end/web"),
        (IDEAS, "idea-5", "5", "shop/ideas"),
        (PLAIN, "123", "123", "shop/plan"),
        (TRELLO, "aB3xYz12", "aB3xYz12", ""),
    ],
)
def test_an_id_of_a_trackers_form_is_asked_for(tracker, id, key, repository):
    assert shares((tracker,), [id], REPOSITORIES) == (((id, key, repository),),)


@pytest.mark.parametrize(
    ("tracker", "id"),
    [
        (JIRA, "CVE-2024"),
        (JIRA, "SHOP-"),
        (JIRA, "SHOP-042"),
        (JIRA, "SHOP-1) or key is not empty"),
        (GITHUB, "web#9"),
        (GITHUB, "near#9"),
        (GITHUB, "here#9"),
        (GITHUB, "up#9"),
        (GITHUB, "nobody#9"),
        (GITHUB, "cart#x"),
        (IDEAS, "5"),
        (PLAIN, "v1"),
        (TRELLO, "gift-cards"),
    ],
)
def test_an_id_of_another_form_is_not(tracker, id):
    assert shares((tracker,), [id], REPOSITORIES) == ((),)


def test_the_first_tracker_that_knows_an_ids_form_has_it():
    shared = shares((IDEAS, PLAIN, JIRA), ["idea-1", "2", "SHOP-3", "other"], {})

    assert [[reference.id for reference in mine] for mine in shared] == [["idea-1"], ["2"], ["SHOP-3"]]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["Bug"], "fix"),
        (["type::bug", "backend"], "fix"),
        (["kind/feature"], "feature"),
        (["Story"], "feature"),
        (["Bug", "Security"], "security"),
        (["Task", "needs security review"], None),
        ([], None),
    ],
)
def test_type_and_labels_say_the_kind(words, kind):
    assert kind_of(words) == kind


def test_a_trackers_texts_are_made_plain():
    found = titled("Gift\x1b[31m cards\n\u202eevil", "https://x/1", "In\tProgress", ())

    assert found == Title(title="Gift cards evil", url="https://x/1", status="In Progress")
    assert titled(" \x00\u200b", "https://x/1", "open", ()) is None


def test_a_trackers_title_wins_over_the_commits_and_loses_against_what_people_wrote_down():
    title = Title(title="Gift cards", kind="fix", url="https://jira.example/browse/SHOP-1")
    entry = CatalogueEntry(id="SHOP-1", title="Gift cards at checkout", kind="feature", url="https://wiki.example")

    assert describe("SHOP-1", [told_by(("SHOP-1",), ["feat: cards"], "")], "", None, title)[:4] == (
        *("Gift cards", "fix", "https://jira.example/browse/SHOP-1", ""),
    )
    assert describe("SHOP-1", [told_by(("SHOP-1",), ["feat: cards"], "https://own.example/1")], "", entry, title)[
        :4
    ] == (*("Gift cards at checkout", "feature", "https://wiki.example", ""),)


def test_what_a_commit_calls_security_stays_security():
    assert (
        describe(
            "SHOP-1", [told_by(("SHOP-1",), ["security: check"], "")], "", None, Title(title="Check", kind="feature")
        ).kind
        == "security"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "jira", "url": "http://jira.example", "projects": ["SHOP"]},
        {"kind": "jira", "url": "https://ana:secret@jira.example", "projects": ["SHOP"]},
        {"kind": "jira", "url": "https://jira.example?x=1", "projects": ["SHOP"]},
        {"kind": "jira", "url": "file:///etc/passwd", "projects": ["SHOP"]},
        {"kind": "jira", "url": "https://jira.example:x", "projects": ["SHOP"]},
        {"kind": "jira", "url": "https://jira.example", "projects": []},
        {"kind": "jira", "url": "https://jira.example", "projects": ["SHOP"], "user": "ana:secret"},
        {"kind": "github", "repository": "shop"},
        {"kind": "github", "repository": "shop/../admin"},
        {"kind": "github", "prefix": "GH-"},
        {"kind": "github", "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a"},
        {"kind": "github", "token_block": "github"},
        {"kind": "github", "token": None},
        {"kind": "gitlab", "numbers": "epics"},
        {"kind": "trello", "key": 'a", oauth_token="b'},
    ],
    ids=lambda given: str(given)[:70],
)
def test_a_tracker_that_is_wrong_or_unsafe_is_refused(given):
    with pytest.raises(ValidationError):
        TRACKER.validate_python({"token": "TOKEN"} | given)


def test_http_is_for_this_machine_only():
    urls = ["http://127.0.0.1:8080/jira/", "http://localhost", "http://[::1]:80", "https://jira.example/jira/"]

    found = [a_tracker("jira", url=url, projects=["SHOP"]).url for url in urls]

    assert found == ["http://127.0.0.1:8080/jira", "http://localhost", "http://[::1]:80", "https://jira.example/jira"]


def test_titles_are_not_kept_under_the_name_of_another_tracker():
    trackers = [
        JIRA,
        GITHUB,
        GITLAB,
        IDEAS,
        PLAIN,
        TRELLO,
        a_tracker("gitlab", url="https://git.example", numbers="issues"),
    ]

    assert len({source_of(tracker) for tracker in trackers}) == len(trackers)
