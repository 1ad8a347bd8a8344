"""Trackers are asked in the way that their makers document, and can do no harm whatever they answer."""

import base64
import datetime
import gzip
import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import TypeAdapter

from reversion.adapters.prefect_api import Address, write_served
from reversion.adapters.trackers.fetching import Fetched, fetch
from reversion.adapters.trackers.jira import page as jira_page
from reversion.adapters.trackers.site import LARGEST
from reversion.features.titles import Reference, Title, shares
from reversion.tracker_settings import Tracker
from tests import fake_trackers as fakes
from tests.fake_trackers import FakeTracker, Heard, Reply, a_fake_tracker

TRACKER: TypeAdapter[Tracker] = TypeAdapter(Tracker)
SECRET = "s3cret-of-the-tracker"
LONG = 20.0


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", SECRET)


@pytest.fixture
def fake() -> Iterator[FakeTracker]:
    with a_fake_tracker(lambda _: Reply()) as one:
        yield one


def a_tracker(url: str, **given: Any) -> Tracker:
    return TRACKER.validate_python({"url": url, "token": "TRACKER_TOKEN"} | given)


def jira(fake: FakeTracker, **given: Any) -> Tracker:
    return a_tracker(fake.url, **{"kind": "jira", "projects": ["SHOP"], "user": "bot@example.com"} | given)


def ask(tracker: Tracker, *ids: str, home: Path = Path("/nowhere"), seconds: float = LONG) -> Fetched:
    repositories = {name: f"https://127.0.0.1/shop/{name}.git" for name in ("cart", "pay")}
    (references,) = shares((tracker,), ids, repositories)
    (fetched,) = fetch(((tracker, references),), home, seconds)
    return fetched


CASES = {
    "jira cloud": (
        {"kind": "jira", "projects": ["SHOP"], "user": "bot@example.com"},
        fakes.jira_cloud(fakes.jira_issue("SHOP-1", "Gift cards", "Bug")),
        ("SHOP-1", "SHOP-2"),
        {"SHOP-1": Title(title="Gift cards", kind="fix", url="{url}/browse/SHOP-1", status="In Progress")},
    ),
    "jira data center": (
        {"kind": "jira", "projects": ["SHOP"]},
        fakes.jira_data_center(fakes.jira_issue("SHOP-1", "Gift cards", labels=("security",))),
        ("SHOP-1", "SHOP-2"),
        {"SHOP-1": Title(title="Gift cards", kind="security", url="{url}/browse/SHOP-1", status="In Progress")},
    ),
    "github": (
        {"kind": "github"},
        fakes.github(
            {
                "shop/cart": {1: fakes.github_issue("Gift cards", "bug"), 2: fakes.github_pull_request("Coupons")},
                "shop/pay": {1: fakes.github_pull_request("Cards")},
            }
        ),
        ("cart#1", "cart#2", "cart#3", "pay#1"),
        {
            "cart#1": Title(title="Gift cards", kind="fix", url="{url}/shop/cart/issues/1", status="open"),
            "cart#2": Title(title="Coupons", url="{url}/shop/cart/issues/2", status="merged"),
            "pay#1": Title(title="Cards", url="{url}/shop/pay/issues/1", status="merged"),
        },
    ),
    "gitlab merge requests": (
        {"kind": "gitlab"},
        fakes.gitlab({"shop%2Fcart/merge_requests": [fakes.gitlab_numbered(1, "Gift cards", "type::bug")]}),
        ("cart#1", "cart#2"),
        {"cart#1": Title(title="Gift cards", kind="fix", url="{url}/shop/cart/-/merge_requests/1", status="merged")},
    ),
    "gitlab issues": (
        {"kind": "gitlab", "numbers": "issues", "repository": "shop/group/ideas", "prefix": "idea-"},
        fakes.gitlab({"shop%2Fgroup%2Fideas/issues": [fakes.gitlab_numbered(7, "Gift cards", state="opened")]}),
        ("idea-7", "idea-8"),
        {"idea-7": Title(title="Gift cards", url="{url}/shop/group/ideas/-/issues/7", status="opened")},
    ),
    "trello": (
        {"kind": "trello", "key": "abc"},
        fakes.trello(
            {
                "aB3xYz12": fakes.trello_card("Gift cards", "Feature"),
                "H0TZyzbK": fakes.trello_card("Old", closed=True),
            }
        ),
        ("aB3xYz12", "H0TZyzbK", "nobody12"),
        {
            "aB3xYz12": Title(title="Gift cards", kind="feature", url="https://trello.com/c/aB3xYz12", status="open"),
            "H0TZyzbK": Title(title="Old", url="https://trello.com/c/H0TZyzbK", status="archived"),
        },
    ),
}


@pytest.mark.parametrize(("given", "answer", "ids", "titles"), CASES.values(), ids=CASES)
def test_what_a_tracker_knows_is_a_title_and_what_it_does_not_know_is_none(fake, given, answer, ids, titles):
    fake.answer = answer

    fetched = ask(a_tracker(fake.url, **given), *ids)

    expected = {id: one.model_copy(update={"url": one.url.format(url=fake.url)}) for id, one in titles.items()}
    assert fetched.problem is None
    assert fetched.titles == dict.fromkeys(ids) | expected


BASIC = base64.b64encode(f"bot@example.com:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("given", "id", "header"),
    [
        ({"kind": "jira", "projects": ["SHOP"], "user": "bot@example.com"}, "SHOP-1", f"Basic {BASIC}"),
        ({"kind": "jira", "projects": ["SHOP"]}, "SHOP-1", f"Bearer {SECRET}"),
        ({"kind": "github"}, "cart#1", f"Bearer {SECRET}"),
        ({"kind": "gitlab"}, "cart#1", f"Bearer {SECRET}"),
        ({"kind": "trello", "key": "abc"}, "aB3xYz12", f'OAuth oauth_consumer_key="abc", oauth_token="{SECRET}"'),
    ],
    ids=["jira cloud", "jira data center", "github", "gitlab", "trello"],
)
def test_the_token_goes_in_a_header_and_nowhere_else(fake, given, id, header):
    ask(a_tracker(fake.url, **given), id)

    (heard,) = fake.heard
    assert heard.headers["Authorization"] == header
    assert SECRET not in f"{heard.path} {heard.query} {heard.body}"


def test_many_issues_are_asked_for_in_batches(fake):
    fake.answer = fakes.jira_cloud(*(fakes.jira_issue(f"SHOP-{n}", f"Number {n}") for n in range(1, 251)))

    fetched = ask(jira(fake), *(f"SHOP-{n}" for n in range(1, 251)))

    assert [len(heard.body["issueIdsOrKeys"]) for heard in fake.heard] == [100, 100, 50]
    assert {id: title.title for id, title in fetched.titles.items()} == {
        f"SHOP-{n}": f"Number {n}" for n in range(1, 251)
    }


def test_many_cards_are_asked_for_in_tens(fake):
    fake.answer = fakes.trello({})

    ask(a_tracker(fake.url, kind="trello", key="abc"), *(f"card{n:04}" for n in range(25)))

    assert [heard.query["urls"][0].count("/cards/") for heard in fake.heard] == [10, 10, 5]


def test_an_issue_that_was_moved_has_its_title_under_its_old_key(fake):
    issues = (fakes.jira_issue("SHOP-1", "Gift cards"), fakes.jira_issue("OPS-9", "Moved"))
    fake.answer = fakes.jira_cloud(*issues, moved={"SHOP-2": "OPS-9"})

    fetched = ask(jira(fake), "SHOP-1", "SHOP-2", "SHOP-3")

    assert {id: title and title.title for id, title in fetched.titles.items()} == {
        "SHOP-1": "Gift cards",
        "SHOP-2": "Moved",
        "SHOP-3": None,
    }


def test_atlassians_gateway_has_no_pages_to_link_to():
    gateway = a_tracker(
        "https://api.atlassian.com/ex/jira/1-2", kind="jira", projects=["SHOP"], user="bot@example.com"
    )

    assert jira_page(gateway, "SHOP-1") == ""


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_repository_that_the_token_may_not_see_is_told_and_spoils_no_other(fake, kind):
    fake.answer = {
        "github": fakes.github({"shop/pay": {1: fakes.github_issue("Cards")}}),
        "gitlab": fakes.gitlab({"shop%2Fpay/merge_requests": [fakes.gitlab_numbered(1, "Cards")]}),
    }[kind]

    fetched = ask(a_tracker(fake.url, kind=kind), "cart#1", "pay#1")

    assert {id: title and title.title for id, title in fetched.titles.items()} == {"cart#1": None, "pay#1": "Cards"}
    assert "shop/cart that the token may read" in str(fetched.problem)


LOGIN = b"<!DOCTYPE html><html><title>Log in</title><form action=/login></form></html>"
HTML = {"Content-Type": "text/html"}
PACKED = {"Content-Encoding": "gzip"}
SHAPELESS = {"issues": [{"key": "SHOP-1", "fields": None}]}
BROKEN = {
    "401": (
        Reply({"message": "Unauthorized"}, 401),
        "did not let us in (401). Check the token in TRACKER_TOKEN.",
        300,
    ),
    "403": (Reply({}, 403), "did not let us in (403). Check the token in TRACKER_TOKEN.", 300),
    "404": (Reply({}, 404), "is no Jira: it does not know Jira's API. Check its url.", 300),
    "429": (Reply({}, 429, {"Retry-After": "17"}), "is busy (429).", 17),
    "429 for a year": (Reply({}, 429, {"Retry-After": "31536000"}), "is busy (429).", 3600),
    "429 until long ago": (Reply({}, 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), "is busy (429).", 1),
    "429 without a word": (Reply({}, 429), "is busy (429).", 300),
    "403 by GitHub's limit": (Reply({}, 403, {"X-RateLimit-Remaining": "0", "Retry-After": "60"}), "busy (403).", 60),
    "500": (Reply(b"Oops", 500), "answered 500.", 300),
    "503": (Reply(b"", 503), "is busy (503).", 300),
    "login page": (Reply(LOGIN, headers=HTML), "answered with something else than its API does.", 300),
    "half an answer": (Reply(b'{"issues": [{"key"'), "answered with something else than its API does.", 300),
    "another shape": (Reply(SHAPELESS), "answered with something else than its API does.", 300),
    "too many": (
        Reply({"issues": [fakes.jira_issue(f"SHOP-{n}", "x") for n in range(101)]}),
        "answered with something else than its API does.",
        300,
    ),
    "deep": (Reply(b"[" * 200_000), "answered with something else than its API does.", 300),
    "huge": (Reply(b" " * (LARGEST + 1)), "answered with more than 4 MiB.", 300),
    "packed": (
        Reply(gzip.compress(b"{}" * 9), headers=PACKED),
        "answered with something else than its API does.",
        300,
    ),
    "less than told": (Reply(b"{", headers={"Content-Length": "9"}), "did not answer: peer closed connection", 300),
    "no HTTP": (Reply(b"", 999_999), "did not answer", 300),
}


@pytest.mark.parametrize(("reply", "told", "pause"), BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_none_is_told_in_one_line_and_leaves_the_tracker_alone(fake, reply, told, pause):
    fake.answer = lambda _: reply

    fetched = ask(jira(fake), "SHOP-1")

    assert fetched.titles == {}
    assert fetched.problem is not None
    assert f"The tracker at {fake.url} " in str(fetched.problem)
    assert told in str(fetched.problem)
    assert fetched.problem.pause == pytest.approx(pause, abs=1)
    assert "\n" not in str(fetched.problem)
    assert SECRET not in repr(fetched.problem)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"data": None, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}, "is busy"),
        ({"data": None, "errors": [{"type": "FORBIDDEN", "message": "SAML\x1b[31m"}]}, "refused: SAML."),
        ({"errors": [{"message": "Parse error on \"x\""}]}, 'refused: Parse error on "x".'),
        ({"data": None}, "answered with something else"),
    ],
    ids=["rate limit", "single sign-on", "query", "nothing"],
)  # fmt: skip
def test_what_github_refuses_in_an_answer_is_told(fake, reply, told):
    fake.answer = lambda _: Reply(reply)

    assert told in str(ask(a_tracker(fake.url, kind="github"), "cart#1").problem)


@pytest.mark.parametrize(
    "parts",
    [[], [{"200": {"nome": "x"}}], [{"429": {}}], [{}], {"200": {}}],
    ids=["none", "card", "429", "empty", "map"],
)
def test_a_batch_of_cards_that_is_none_is_told(fake, parts):
    fake.answer = lambda _: Reply(parts)

    fetched = ask(a_tracker(fake.url, kind="trello", key="abc"), "aB3xYz12")

    assert (fetched.titles, fetched.problem is not None) == ({}, True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_is_not_taken_elsewhere(fake, status):
    with a_fake_tracker(fakes.jira_cloud(fakes.jira_issue("SHOP-1", "Stolen"))) as thief:
        fake.answer = lambda heard: Reply({}, status, {"Location": thief.url + heard.path})

        fetched = ask(jira(fake), "SHOP-1")

        assert thief.heard == []
    assert "sent us elsewhere" in str(fetched.problem)


def test_a_tracker_that_says_nothing_is_waited_for_no_longer_than_said(fake):
    fake.held = True
    began = time.monotonic()

    fetched = ask(jira(fake), "SHOP-1", seconds=0.3)

    assert time.monotonic() - began < 2
    assert "did not answer" in str(fetched.problem)


def test_a_tracker_that_speaks_ever_so_slowly_is_not_waited_for_either(fake):
    fake.answer = lambda _: Reply(b"")
    began = time.monotonic()

    def drip(handler: Any) -> None:
        handler.rfile.readline()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not fake.over.wait(0.05):
            handler.wfile.write(b"X: y\r\n")

    fake.http.RequestHandlerClass.handle_one_request = drip  # type: ignore[method-assign]
    fetched = ask(jira(fake), "SHOP-1", seconds=0.5)

    assert time.monotonic() - began < 2
    assert "did not answer" in str(fetched.problem)


def test_what_was_said_in_time_counts_and_the_rest_is_no_problem(fake):
    known = fakes.jira_cloud(*(fakes.jira_issue(f"SHOP-{n}", "Known") for n in range(1, 201)))

    def first_only(heard: Heard) -> Reply:
        if len(fake.heard) > 1:
            fake.over.wait(60)
        return known(heard)

    fake.answer = first_only
    fetched = ask(jira(fake), *(f"SHOP-{n}" for n in range(1, 201)), seconds=1)

    assert (len(fetched.titles), fetched.problem) == (100, None)


def test_one_tracker_does_not_wait_for_another(fake):
    fake.held = True
    with a_fake_tracker(fakes.jira_cloud(fakes.jira_issue("SHOP-1", "Gift cards"))) as quick:
        asked = tuple((jira(one), (Reference("SHOP-1", "SHOP-1"),)) for one in (fake, quick))

        held, answered = fetch(asked, Path("/nowhere"), 1)

    assert held.problem is not None
    assert answered.titles["SHOP-1"].title == "Gift cards"


def test_a_tracker_that_is_not_there_is_told(fake):
    fake.close()

    assert "did not answer: [Errno" in str(ask(jira(fake), "SHOP-1").problem)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "TRACKER_TOKEN is not set."),
        ("  ", "TRACKER_TOKEN is not set."),
        (f"{SECRET}\r\nX-Evil: 1", "TRACKER_TOKEN holds no token: it has spaces"),
        (f"{SECRET}\u00e9", "TRACKER_TOKEN holds no token: it has spaces"),
        (f'{SECRET}"', "TRACKER_TOKEN holds no token: it has spaces"),
    ],
    ids=["none", "blank", "lines", "letters", "quote"],
)
def test_without_a_token_that_can_be_one_nobody_is_asked(fake, monkeypatch, value, told):
    if value is None:
        monkeypatch.delenv("TRACKER_TOKEN")
    else:
        monkeypatch.setenv("TRACKER_TOKEN", value)

    problem = ask(jira(fake), "SHOP-1").problem

    assert told in str(problem)
    assert SECRET not in repr(problem)
    assert fake.heard == []


def test_the_token_may_be_in_a_secret_block_of_prefect(fake, tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    fake.answer = fakes.jira_cloud(fakes.jira_issue("SHOP-1", "Gift cards"))

    def block(heard: Heard) -> Reply:
        asked = heard.path == "/api/block_types/slug/secret/block_documents/name/jira-token"
        shown = SECRET if heard.query.get("include_secrets") == ["true"] else "********"
        return Reply({"name": "jira-token", "data": {"value": shown}}) if asked else Reply({"detail": "?"}, 404)

    with a_fake_tracker(block) as prefect:
        write_served(tmp_path, Address(url=f"{prefect.url}/api"))
        fetched = ask(jira(fake, token=None, token_block="jira-token"), "SHOP-1", home=tmp_path)
        missing = ask(jira(fake, token=None, token_block="other"), "SHOP-1", home=tmp_path)

    assert fetched.titles["SHOP-1"].title == "Gift cards"
    assert fake.heard[0].headers["Authorization"] == f"Basic {BASIC}"
    assert "the Secret block other is not set" in str(missing.problem)


def test_without_a_server_there_is_no_token_from_a_block(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", fake.url + "/api")
    fake.close()

    problem = ask(jira(fake, token=None, token_block="jira-token"), "SHOP-1", home=tmp_path).problem

    assert "There is no token for" in str(problem)
    assert "No Prefect server answers" in str(problem)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    with a_fake_tracker(fakes.jira_cloud(fakes.jira_issue("SHOP-1", "x")), _self_signed(tmp_path)) as fake:
        problem = ask(jira(fake), "SHOP-1").problem

        assert fake.heard == []
    assert "CERTIFICATE_VERIFY_FAILED" in str(problem)


def test_a_certificate_authority_of_ones_own_can_be_named(tmp_path, monkeypatch):
    context = _self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))

    with a_fake_tracker(fakes.jira_cloud(fakes.jira_issue("SHOP-1", "Gift cards")), context) as fake:
        fetched = ask(jira(fake), "SHOP-1")

    assert fetched.titles["SHOP-1"].title == "Gift cards"


def _self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tracker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    return context
