"""Which features a commit message names."""

import time

import pytest

from reversion.feature_settings import (
    Convention,
    Conventional,
    FeatureSettings,
    Fragments,
    Key,
    Line,
    MergeBranch,
    OwnConventions,
    Pattern,
    PullRequest,
    Trailer,
)
from reversion.features.conventions import Named, counts, made_ready, mentions, names_in, names_of_merge
from reversion.features.messages import Messages, trailers
from reversion.features.records import Commit, Commits, Records

LINE = Line(kind="line", names=("Feature", "Issue-ID"))
TRAILER = Trailer(kind="trailer", names=("Feature",))
KEY = Key(kind="key", projects=("SHOP", "PAY"))
PULL = PullRequest(kind="pull_request")
BRANCH = MergeBranch(kind="merge_branch", projects=("SHOP", "PAY"))
SCOPE = Conventional(kind="conventional", scope_is="key")
CHANGES = Fragments(kind="fragments", folder="changes")
NOTES = Fragments(kind="fragments", folder="releasenotes/notes", style="reno")
TRELLO = Pattern(kind="pattern", regex=r"https://trello\.com/c/(?P<id>\w+)")


def named(message: str, *conventions: Convention) -> tuple[str, ...]:
    return mentions(message, "cart", FeatureSettings(conventions=conventions))


def added(convention: Convention, *paths: str) -> tuple[Named, ...]:
    return names_in("Add", "cart", FeatureSettings(conventions=(convention,)), paths)


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add\n\nFeature: SHOP-42", ("SHOP-42",), id="a line of its own"),
        pytest.param("Add\nfeature : SHOP-42", ("SHOP-42",), id="right below the subject, in any case"),
        pytest.param("Add\n\n    Issue-ID: SHOP-42\n\nmore", ("SHOP-42",), id="indented by a squash"),
        pytest.param("Add\n\nFeature: SHOP-1, SHOP-2 SHOP-3", ("SHOP-1", "SHOP-2", "SHOP-3"), id="several"),
        pytest.param("Add\n\nFeature: SHOP-1\nFeature: SHOP-1", ("SHOP-1",), id="told twice"),
        pytest.param("Add\n\nFeature: (#12).", ("12",), id="a number in brackets"),
        pytest.param("Add\n\nFeature: checkout", ("checkout",), id="a lone word"),
        pytest.param("Add\n\nFeature: Gift cards at checkout", (), id="prose"),
        pytest.param("Add\n\nFeature: SHOP-1 gift cards", ("SHOP-1",), id="an id, then prose"),
        pytest.param("Add\n\nFeature=SHOP-1", (), id="no colon"),
        pytest.param("Add\n\nThe Feature: SHOP-1", (), id="in the middle of a line"),
        pytest.param("Add\n\nFeature: ../../etc", (), id="no id at all"),
        pytest.param("Add\n\nFeature: $(reboot)", (), id="shell"),
        pytest.param("Add\n\nFeature: " + "A1" * 60, (), id="too long for an id"),
        pytest.param("Feature: SHOP-1", ("SHOP-1",), id="the subject itself"),
        pytest.param("Add\r\n\r\nFeature: SHOP-1\r\n", ("SHOP-1",), id="lines ended as on Windows"),
        pytest.param("Add\n\nIssue-ID: SHOP-2\nFeature: SHOP-1", ("SHOP-2", "SHOP-1"), id="in the message's order"),
        pytest.param("Add\n\n\u0130\u0130 Feature: SHOP-9\nFEATURE: SHOP-1", ("SHOP-1",), id="capitals that grow"),
        pytest.param("Add\n\nFeature: SHOP-1\u202e", (), id="an id with a mark that turns the text"),
        pytest.param("Add\n\nFeature: SHOP-1\x1b[31m", (), id="an id with a terminal's escape"),
    ],
)
def test_a_line_names_features(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, LINE) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("S\n\nFeature: SHOP-1\n\nSigned-off-by: a <b>", (), id="parted from the last paragraph"),
        pytest.param("S\n\nFeature: SHOP-1\none\ntwo\nthree\nfour", (), id="in a paragraph of prose"),
        pytest.param("S\n\nFeature: SHOP-1\none\ntwo\nSigned-off-by: a <b>", ("SHOP-1",), id="a quarter"),
        pytest.param("S\n\nBREAKING CHANGE: y\nFeature: SHOP-1", (), id="spoiled by a token with a space"),
        pytest.param(
            f"S\n\nFeature: SHOP-1\n(cherry picked from commit {'a' * 40})", ("SHOP-1",), id="above a pick mark"
        ),
        pytest.param("S\nFeature: SHOP-1", (), id="in the subject's paragraph"),
        pytest.param("S\n\nFeature=SHOP-1", (), id="no colon"),
        pytest.param("S\n\nFeature: SHOP-1\n\nFeature: SHOP-2\n\nCo-authored-by: x <y>", (), id="a squash"),
        pytest.param("S\n\nFeature: SHOP-1,\n  SHOP-2", ("SHOP-1", "SHOP-2"), id="folded"),
        pytest.param(
            "Squashed commit of the following:\n\n    Add\n\n    Feature: SHOP-1",
            (),
            id="nested by git merge --squash",
        ),
    ],
)
def test_a_trailer_is_what_git_sees_as_one(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, TRAILER) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add totals SHOP-42", ("SHOP-42",), id="subject"),
        pytest.param("Add\n\nsee https://tracker.example/browse/PAY-7.", ("PAY-7",), id="a link in the body"),
        pytest.param("feat(SHOP-42): add", ("SHOP-42",), id="conventional scope"),
        pytest.param("Merge branch 'SHOP-9-totals'", ("SHOP-9",), id="branch name"),
        pytest.param("[SHOP-1][SHOP-2] add", ("SHOP-1", "SHOP-2"), id="several"),
        pytest.param("SHOP-1 #comment done #time 1h", ("SHOP-1",), id="smart commit"),
        pytest.param("Read UTF-8, CVE-2024-1234, PEP-8, GPT-4, JDK-17, SHA-256", (), id="no listed project"),
        pytest.param("E-SHOP-42 MYSHOP-42 SHOP-42B SHOP-4.2 SHOP_SHOP-1x SHOP-0", (), id="part of something"),
        pytest.param("shop-42", (), id="small letters"),
        pytest.param("SHOP-42.", ("SHOP-42",), id="end of a sentence"),
        pytest.param("GHSA-94p4-w8jc, CVE-2024-5, ISO-8859-1, E2E-3, HTTP-2", (), id="what looks like keys"),
        pytest.param("PAY-2 then SHOP-1", ("PAY-2", "SHOP-1"), id="in the message's order"),
        pytest.param("SHOP-01 SHOP-12345678901", (), id="no number of an issue"),
        pytest.param("SHOP-\u0664\u0662", (), id="digits of another script"),
    ],
)
def test_only_keys_of_listed_projects_count(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, KEY) == ids


@pytest.mark.parametrize(
    ("where", "ids"),
    [(("subject",), ("SHOP-1",)), (("body",), ("SHOP-2",)), (("body", "subject"), ("SHOP-1", "SHOP-2"))],
)
def test_keys_count_where_the_product_says(where: tuple[str, ...], ids: tuple[str, ...]) -> None:
    key = Key.model_validate({"kind": "key", "projects": ("SHOP",), "where": where})

    assert named("Add SHOP-1\n\nas SHOP-2 asks", key) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Add totals (#12)", ("cart#12",), id="squash"),
        pytest.param("Add totals (#12) (#15)", ("cart#12",), id="backport keeps the original"),
        pytest.param("Merge pull request #12 from shop/x\n\nTotals", ("cart#12",), id="merge"),
        pytest.param("Merge branch 'x'\n\nSee merge request shop/cart!12", ("cart#12",), id="merge request"),
        pytest.param("Merged PR 12: totals", ("cart#12",), id="merged PR"),
        pytest.param("Fix #12 in totals", (), id="in the middle of the subject"),
        pytest.param("Add totals\n\n(#12)", (), id="in the body"),
        pytest.param("Merged in x (pull request #12)\n\nTotals", ("cart#12",), id="as Bitbucket says it"),
        pytest.param("Pull request #12: totals\n\nMerge in SHOP/cart from x to main", ("cart#12",), id="its server"),
        pytest.param("Pull request #12 broke the totals", (), id="a sentence"),
    ],
)
def test_a_pull_request_is_a_feature_of_its_service(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, PULL) == ids


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("Merge branch 'feature/SHOP-42-gift-cards'", ("SHOP-42",), id="git"),
        pytest.param("Merge branch 'SHOP-42' into 'main'\n\nx", ("SHOP-42",), id="GitLab"),
        pytest.param("Merge branch 'SHOP-42' of git.example:shop/cart", ("SHOP-42",), id="a pull"),
        pytest.param("Merge remote-tracking branch 'origin/fix-PAY-7_totals'", ("PAY-7",), id="fetched"),
        pytest.param("Merge branches 'SHOP-1', 'x' and 'pay-2'", ("SHOP-1", "PAY-2"), id="several"),
        pytest.param("Merge pull request #1 from shop/shop-42-gift", ("SHOP-42",), id="GitHub, in small letters"),
        pytest.param("Merge pull request #1 in SHOP/cart from bugfix/SHOP-42-x to main", ("SHOP-42",), id="a server"),
        pytest.param("Merged in feature/SHOP-42 (pull request #3)", ("SHOP-42",), id="Bitbucket"),
        pytest.param(
            "Pull request #3: Gift\n\nMerge in SHOP/cart from feature/SHOP-42 to main", ("SHOP-42",), id="in the body"
        ),
        pytest.param("Merge branch 'main' into feature/SHOP-42", (), id="the branch merged into"),
        pytest.param("Merge branch 'main' into 'SHOP-42'", (), id="the same, quoted"),
        pytest.param("Merge branch 'release/SHOP-4.2'", (), id="a version"),
        pytest.param("Merge branch 'WORKSHOP-42' into main", (), id="a part of a word"),
        pytest.param("Merge tag 'SHOP-42'", (), id="a tag"),
        pytest.param("Revert \"Merge branch 'SHOP-42'\"", (), id="a revert"),
        pytest.param("Add SHOP-42", (), id="no merge"),
        pytest.param("Merge branch 'UTF-8'", (), id="no listed project"),
    ],
)
def test_a_merge_names_what_the_branch_is_named_after(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, BRANCH) == ids


def test_a_merge_without_a_pull_request_names_by_its_branch_only() -> None:
    settings = FeatureSettings(conventions=(KEY, BRANCH))

    plain = names_of_merge("Merge branch 'main' into SHOP-1\n\nConflicts with SHOP-2", "cart", settings)
    branch = names_of_merge("Merge branch 'SHOP-1' into main\n\nConflicts with SHOP-2", "cart", settings)
    pull = names_of_merge("Merge pull request #1 from x/y\n\nGift cards SHOP-2", "cart", settings)

    assert [[one.id for one in names] for names in (plain, branch, pull)] == [[], ["SHOP-1"], ["SHOP-2"]]


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Merge pull request #12 from shop/x\n\nGift cards\n\nmore", "Gift cards"),
        ("Merge branch 'x' into 'main'\n\nGift cards\n\nSee merge request shop/cart!12", "Gift cards"),
        ("Merged PR 12: Gift cards", "Gift cards"),
        ("Pull request #12: Gift cards\n\nMerge in SHOP/cart from x to main", "Gift cards"),
        ("Merge pull request #12 from shop/x", ""),
        ("Merge branch 'x'\n\n# Conflicts:\n#\tx", ""),
    ],
)
def test_a_merge_is_titled_as_its_pull_request(message: str, title: str) -> None:
    first, second, merge = (letter * 40 for letter in "abc")
    commits = [Commit(first, "", "one"), Commit(second, first, "two"), Commit(merge, f"{first} {second}", message)]
    records = Records()
    records.extend(Commits.of(commits), FeatureSettings())

    assert records.titles.get(2, "") == title


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        pytest.param("feat(SHOP-42): add", ("SHOP-42",), id="a key"),
        pytest.param("fix(SHOP-1, SHOP-2)!: add", ("SHOP-1", "SHOP-2"), id="several, and breaking"),
        pytest.param("feat: add SHOP-42", (), id="no scope"),
        pytest.param("feat(the cart): add", (), id="prose"),
        pytest.param("add (SHOP-42): totals", (), id="not the form"),
        pytest.param("Add\n\nfeat(SHOP-42): add", (), id="in the body"),
    ],
)
def test_a_scope_is_a_key_where_the_product_says(message: str, ids: tuple[str, ...]) -> None:
    assert named(message, SCOPE) == ids
    assert named(message, Conventional(kind="conventional")) == ()


def test_a_scopes_pattern_says_which_scopes_are_ids_and_its_form_how_these_are_written() -> None:
    scope = Conventional(kind="conventional", scope_is="key", pattern=r"shop/#(?P<id>\d+)", form="{service}#{id}")

    assert named("feat(shop/#3519): add (#969)", scope) == ("cart#3519",)
    assert named("feat(cart): add", scope) == ()
    assert named("feat(workshop/#3519): add", scope) == ()


@pytest.mark.parametrize(
    ("subject", "default", "own"),
    [
        ("feat: gift cards", True, True),
        ("Feature(cart): gift cards", True, True),
        ("hotfix: totals", True, False),
        ("perf: totals", True, False),
        ("security: totals", True, False),
        ("Gift cards", True, False),
        ("cart: gift cards", True, False),
        ("chore: gift cards", False, True),
        ("docs(cart): gift cards", False, False),
        ("refactor: gift cards", False, False),
        ("refactor!: gift cards", True, True),
        ("tests: gift cards", False, False),
        ("db: gift cards", True, True),
    ],
)
def test_a_commits_type_says_whether_it_is_a_part_of_a_feature(subject: str, default: bool, own: bool) -> None:
    kept = FeatureSettings(conventions=(Conventional(kind="conventional"),))
    listed = FeatureSettings(conventions=(Conventional(kind="conventional", counts=("feat", "chore", "db")),))

    assert counts(subject, "cart", kept) is default
    assert counts(subject, "cart", listed) is own
    assert counts(subject, "cart", FeatureSettings(conventions=(KEY,)))


def test_the_last_list_of_types_that_a_service_has_is_the_one_that_holds() -> None:
    product = Conventional(kind="conventional", counts=("chore",))
    scoped, other = (Conventional(kind="conventional", scope_is="key", counts=given) for given in (None, ("docs",)))
    settings = FeatureSettings(
        conventions=(product,),
        services={"cart": OwnConventions(add=(scoped,)), "web": OwnConventions(add=(other,))},
    )

    assert [counts("chore: x", service, settings) for service in ("cart", "web", "pay")] == [True, False, True]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        pytest.param("changes/123.feature.md", [("123", "feature")], id="a number"),
        pytest.param("changes/SHOP-42.bugfix", [("SHOP-42", "fix")], id="a key, and no extension"),
        pytest.param("changes/123.feature.1.md", [("123", "feature")], id="the second for one issue"),
        pytest.param("changes/v1.2.security.md", [("v1.2", "security")], id="dots in the id"),
        pytest.param("changes/+f00d.feature.md", [], id="of no issue"),
        pytest.param("changes/123.doc.md", [], id="a type that makes no feature"),
        pytest.param("changes/123.misc", [], id="another"),
        pytest.param("changes/README.md", [], id="no fragment"),
        pytest.param("changes/feature.md", [], id="no id"),
        pytest.param("changes/.gitignore", [], id="a hidden file"),
        pytest.param("changes/old/123.feature.md", [], id="a folder below"),
        pytest.param("docs/changes/123.feature.md", [], id="another folder"),
        pytest.param("changes2/123.feature.md", [], id="a folder that begins so"),
        pytest.param("changes/$(reboot).feature.md", [], id="no id at all"),
    ],
)
def test_a_fragment_names_by_its_file(path: str, names: list[tuple[str, str]]) -> None:
    assert [(one.id, one.kind) for one in added(CHANGES, path)] == names


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        pytest.param("releasenotes/notes/gift-cards-3f9a1c0b2d4e5f60.yaml", ["gift-cards"], id="a slug"),
        pytest.param("releasenotes/notes/bug-1234567-3f9a1c0b2d4e5f60.yaml", ["bug-1234567"], id="a bug's"),
        pytest.param("releasenotes/notes/gift-cards.yaml", [], id="no hash"),
        pytest.param("releasenotes/notes/gift cards-3f9a1c0b2d4e5f60.yaml", [], id="no id"),
        pytest.param("releasenotes/source/gift-cards-3f9a1c0b2d4e5f60.yaml", [], id="another folder"),
    ],
)
def test_a_note_names_by_its_slug(path: str, ids: list[str]) -> None:
    assert [one.id for one in added(NOTES, path)] == ids


def test_a_fragments_pattern_and_form_make_the_id_and_its_types_the_kind() -> None:
    numbers = Fragments(kind="fragments", folder="changes/", types={"api": "feature"}, form="SHOP-{id}")
    keys = NOTES.model_copy(update={"pattern": r"(?P<id>SHOP-\d+)-.*"})

    assert added(numbers, "changes/7.api.rst", "changes/8.feature.rst") == (Named("SHOP-7", kind="feature"),)
    assert added(keys, "releasenotes/notes/SHOP-7-gift-cards-3f9a1c0b2d4e5f60.yaml") == (Named("SHOP-7"),)


def test_without_added_files_fragments_name_nothing() -> None:
    assert added(CHANGES) == added(NOTES) == ()


def test_added_paths_are_needed_for_fragments_only() -> None:
    settings = FeatureSettings(conventions=(KEY,), services={"web": OwnConventions(add=(CHANGES,))})

    assert (settings.needs_paths("web"), settings.needs_paths("cart")) == (True, False)


def test_a_service_adds_conventions_to_the_products_or_has_its_own() -> None:
    settings = FeatureSettings(
        conventions=(KEY,), services={"web": OwnConventions(add=(LINE,)), "pay": OwnConventions(replace=(LINE,))}
    )

    found = [mentions("Add SHOP-1\n\nFeature: x1", service, settings) for service in ("cart", "web", "pay")]

    assert found == [("SHOP-1",), ("SHOP-1", "x1"), ("x1",)]


def test_a_pattern_names_what_its_group_matches() -> None:
    assert named("Add\n\nhttps://trello.com/c/aB3dEf9h/12-gift-cards", TRELLO) == ("aB3dEf9h",)


def test_a_pattern_matches_line_by_line() -> None:
    card = Pattern(kind="pattern", regex=r"^Card (?P<id>.+)$")

    assert named("Add\nCard one\nno Card two\nCard three", card) == ("one", "three")


def test_a_form_tells_how_an_id_is_written() -> None:
    closes = Pattern(kind="pattern", regex=r"(?i)\bcloses #(?P<id>\d+)", form="{service}#{id}")

    assert named("Add\n\nCloses #12, closes #13", closes) == ("cart#12", "cart#13")


def test_an_id_that_no_feature_may_have_is_left_out() -> None:
    loose = Pattern(kind="pattern", regex=r"card (?P<id>.*)")

    assert named("card <script>alert(1)</script>", loose) == ()


def test_conventions_add_up_and_name_a_feature_once() -> None:
    assert named("Add SHOP-1 (#12)\n\nFeature: SHOP-1, SHOP-2", LINE, KEY, PULL) == (
        "SHOP-1",
        "SHOP-2",
        "cart#12",
    )


def test_without_conventions_nothing_is_named() -> None:
    assert named("Add SHOP-1 (#12)\n\nFeature: SHOP-1") == ()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("Feature: " + "x" * 1_000_000, id="one long word"),
        pytest.param(" " * 1_000_000 + "Feature: SHOP-1", id="a megabyte of spaces"),
        pytest.param("SHOP-" * 200_000, id="beginnings of keys"),
        pytest.param("s\n\n" + "a-" * 500_000 + ":", id="beginnings of trailers"),
        pytest.param("(#1) " * 200_000, id="numbers"),
        pytest.param("s\n" * 500_000, id="half a million lines"),
        pytest.param("x" * 1_000_000 + "!", id="a regular expression that backtracks"),
        pytest.param("Feature " * 120_000, id="a name again and again"),
        pytest.param("Feature: a1 b2 c3\n" * 60_000, id="many lines that name"),
        pytest.param("Merge branch " + "'a', " * 200_000, id="branches"),
        pytest.param("Pull request #1: x\n" + "\n " * 400_000 + "Merge in", id="space before the branch"),
        pytest.param("feat(" * 200_000, id="scopes"),
        pytest.param("\x1b[31m\u202e" * 200_000, id="escapes and marks that turn the text"),
    ],
)
def test_a_hostile_message_is_read_quickly(message: str) -> None:
    backtracking = Pattern(kind="pattern", regex=r"x+(?P<id>\d)")
    begin = time.process_time()

    named(message, LINE, TRAILER, KEY, PULL, BRANCH, SCOPE, backtracking)

    assert time.process_time() - begin < 3


def test_a_commit_names_a_thousand_features_at_most() -> None:
    message = "Add\n\n" + "".join(f"Feature: SHOP-{number}\n" for number in range(1, 5_000))

    assert named(message, LINE) == tuple(f"SHOP-{number}" for number in range(1, 1_001))


def test_only_the_first_thousand_characters_of_a_long_line_are_looked_at() -> None:
    assert named("x" * 980 + " SHOP-1", KEY) == ("SHOP-1",)
    assert named("x" * 1_001 + " SHOP-1\nSHOP-2", KEY) == ("SHOP-2",)


@pytest.mark.parametrize("message", ["", "\n\n\n", "\0", "\x1b[31m", "\ud800", "\n\nFeature:\n", ":", "#"])
def test_a_message_that_says_nothing_names_nothing(message: str) -> None:
    assert named(message, LINE, TRAILER, KEY, PULL, TRELLO, BRANCH, SCOPE) == ()
    assert trailers(message) == ()


MIXED = (
    "SHOP-1 and PAY-2",
    "",
    "Feature: SHOP-3",
    "none",
    "PAY-4, SHOP-5\n\nFEATURE: \u0130d-6",
    "E-SHOP-7",
    "SHOP-8",
)


@pytest.mark.parametrize(
    "conventions",
    [
        pytest.param((KEY,), id="keys of several projects"),
        pytest.param((Key(kind="key", projects=("SHOP",)),), id="keys of one project"),
        pytest.param((Key(kind="key", projects=("SHOP",), where=("body",)), LINE), id="keys in bodies, and lines"),
        pytest.param((TRAILER, PULL, BRANCH, SCOPE, KEY), id="all together"),
    ],
)
def test_many_messages_at_once_name_what_each_names_alone(conventions: tuple[Convention, ...]) -> None:
    settings = FeatureSettings(conventions=conventions)
    alone = {at: found for at, text in enumerate(MIXED) if (found := names_in(text, "cart", settings))}

    assert dict(sorted(made_ready("cart", settings).names_in(Messages(MIXED)).items())) == alone
