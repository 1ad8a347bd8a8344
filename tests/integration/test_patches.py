"""A revert that may have kept a part of what it takes back is told, and one of lines that have moved is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reversion.adapters import patches
from reversion.adapters.repository import Repository
from reversion.feature_settings import FeatureSettings, Key
from reversion.features.deciding import deciders, withdrawals
from reversion.features.patches import Patch, Undone
from reversion.features.resolver import Resolver
from reversion.product import Service
from tests.gitbuilder import GitBuilder
from tests.ledgers import read_ledger

SETTINGS = FeatureSettings(conventions=(Key(kind="key", projects=("SHOP",)),))
LINES = "".join(f"line {n}\n" for n in range(20))
GIFT = LINES.replace("line 9\n", "line 9\ngift\ncards\ncodes\n")
Build = Callable[[GitBuilder], str]


@pytest.fixture
def git(tmp_path: Path) -> GitBuilder:
    patches._KNOWN.clear()
    builder = GitBuilder(tmp_path / "cart")
    builder.commit("chore: begin", {"page": LINES, "other": LINES})
    return builder


def resolver(git: GitBuilder, version: str, *paths: str) -> Resolver:
    service = Service(name="cart", repository="cart", hosts="cart", paths=paths)
    return Resolver((read_ledger(git.path, service, SETTINGS, version),), SETTINGS)


def told(git: GitBuilder, version: str, *paths: str) -> set[bool | None]:
    """Tell of the reverts that withdraw SHOP-1 at the version whether they take back all."""
    deciding = tuple(withdrawals(resolver(git, version, *paths), "SHOP-1", {"cart": version}))
    assert deciding
    return set(patches.are_whole(Repository(git.path), (one.undone for one in deciding), paths).values())


def a_change(git: GitBuilder) -> str:
    return git.commit("feat: gift cards SHOP-1", {"page": GIFT, "gift": "1\n"})


def by_hand(git: GitBuilder, change: str, files: dict[str, str]) -> str:
    """Revert in Git's words, with a result of one's own."""
    return git.commit(f'Revert "feat: gift cards SHOP-1"\n\nThis reverts commit {change}.\n', files)


def plain(git: GitBuilder) -> str:
    return git.revert(a_change(git))


def plain_after_the_lines_around_have_moved_and_changed(git: GitBuilder) -> str:
    change = a_change(git)
    moved = "top\n" * 7 + GIFT.replace("line 13\n", "line thirteen\n").replace("line 5\n", "")
    git.commit("chore: tidy", {"page": moved})
    return git.revert(change)


def plain_under_a_subject_of_its_own(git: GitBuilder) -> str:
    change = a_change(git)
    git.revert(change)
    git.git("commit", "-q", "--amend", "-m", f"Back out SHOP-1\n\nThis reverts commit {change}.")
    return git.head()


def plain_of_a_binary_file(git: GitBuilder) -> str:
    (git.path / "picture").write_bytes(bytes(range(256)))
    git.git("add", "picture")
    return git.revert(a_change(git))


def plain_of_a_merge(git: GitBuilder) -> str:
    git.branch("topic")
    a_change(git)
    git.checkout("main")
    git.commit("chore: elsewhere", {"other": "o" + LINES})
    return git.revert(git.merge("topic"), mainline=1)


def plain_and_picked_to_a_release_branch(git: GitBuilder) -> str:
    git.branch("release")
    git.commit("chore: other words", {"page": LINES.replace("line 13\n", "line thirteen\n")})
    git.checkout("main")
    change = a_change(git)
    git.checkout("release")
    git.pick(change)
    git.checkout("main")
    reverted = git.revert(change)
    git.checkout("release")
    return git.pick(reverted)


def plain_of_the_backport_that_was_made_otherwise(git: GitBuilder) -> str:
    git.branch("release")
    git.checkout("main")
    change = a_change(git)
    git.checkout("release")
    git.commit(f"feat: gift cards SHOP-1\n\n(cherry picked from commit {change})\n", {"gift": "for old shops\n"})
    git.git("rm", "-q", "gift")
    return by_hand(git, change, {})


def plain_third_of_three(git: GitBuilder) -> str:
    return git.revert(git.revert(git.revert(a_change(git))))


def one_that_keeps_a_file(git: GitBuilder) -> str:
    return by_hand(git, a_change(git), {"page": LINES})


def one_that_keeps_a_line(git: GitBuilder) -> str:
    change = a_change(git)
    git.git("rm", "-q", "gift")
    return by_hand(git, change, {"page": LINES.replace("line 9\n", "line 9\ncards\n")})


def one_that_changes_nothing(git: GitBuilder) -> str:
    return by_hand(git, a_change(git), {})


def one_that_does_more(git: GitBuilder) -> str:
    change = a_change(git)
    git.git("rm", "-q", "gift")
    return by_hand(git, change, {"page": LINES, "other": "more\n"})


def one_that_others_had_built_upon(git: GitBuilder) -> str:
    change = a_change(git)
    git.commit("chore: say it better", {"page": GIFT.replace("cards\n", "gift cards\n")})
    git.git("rm", "-q", "gift")
    return by_hand(git, change, {"page": LINES})


def one_of_a_merge_that_keeps_a_file(git: GitBuilder) -> str:
    git.branch("topic")
    a_change(git)
    git.checkout("main")
    git.commit("chore: elsewhere", {"other": "o" + LINES})
    base = git.head()
    merged = git.merge("topic")
    words = f"This reverts commit {merged}, reversing\nchanges made to {base}.\n"
    return git.commit(f"Revert \"Merge branch 'topic'\"\n\n{words}", {"page": LINES})


def one_whose_first_attempt_kept_a_file(git: GitBuilder) -> str:
    return git.revert(git.revert(one_that_keeps_a_file(git)))


@pytest.mark.parametrize(
    "build",
    [
        plain,
        plain_after_the_lines_around_have_moved_and_changed,
        plain_under_a_subject_of_its_own,
        plain_of_a_binary_file,
        plain_of_a_merge,
        plain_and_picked_to_a_release_branch,
        plain_of_the_backport_that_was_made_otherwise,
        plain_third_of_three,
    ],
    ids=lambda build: build.__name__.replace("_", " "),
)
def test_a_plain_revert_takes_back_all(build: Build, git: GitBuilder) -> None:
    assert told(git, build(git)) == {True}


@pytest.mark.parametrize(
    "build",
    [
        one_that_keeps_a_file,
        one_that_keeps_a_line,
        one_that_changes_nothing,
        one_that_does_more,
        one_that_others_had_built_upon,
        one_of_a_merge_that_keeps_a_file,
        one_whose_first_attempt_kept_a_file,
    ],
    ids=lambda build: build.__name__.replace("_", " "),
)
def test_an_edited_revert_is_told(build: Build, git: GitBuilder) -> None:
    assert False in told(git, build(git))


def test_a_revert_of_two_changes_at_once_can_not_be_told(git: GitBuilder) -> None:
    first = git.commit("feat: gift cards SHOP-1", {"gift": "1\n"})
    second = git.commit("feat: gift card codes SHOP-1", {"codes": "1\n"})
    git.git("rm", "-q", "gift", "codes")
    both = git.commit(f"Back out SHOP-1\n\nThis reverts commit {first}.\nThis reverts commit {second}.\n")

    assert told(git, both) == {None}


def test_of_a_monorepo_only_the_paths_of_the_service_count(git: GitBuilder) -> None:
    change = git.commit("feat: gift cards SHOP-1", {"cart/gift": "1\n", "web/gift": "1\n"})
    git.git("rm", "-q", "cart/gift")
    version = by_hand(git, change, {})

    assert told(git, version, "cart") == {True}
    assert told(git, version) == {False}


def test_what_is_too_large_or_takes_too_long_can_not_be_told(
    git: GitBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = plain(git)
    monkeypatch.setattr(patches, "_LONGEST", 100)
    assert told(git, version) == {None}

    monkeypatch.setattr(patches, "_LONGEST", 1 << 20)
    monkeypatch.setattr(patches, "_SECONDS", 0)
    assert told(git, version) == {None}

    monkeypatch.setattr(patches, "_SECONDS", 20)
    assert told(git, version) == {True}


def test_one_that_is_too_large_keeps_no_other_from_being_told(
    git: GitBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = git.commit("feat: a library", {"large": LINES * 1000})
    small = a_change(git)
    reverts = {commit: git.revert(commit) for commit in (small, large)}
    undone = {
        commit: Undone(Patch(revert, git.head(f"{revert}^")), (Patch(commit, git.head(f"{commit}^")),))
        for commit, revert in reverts.items()
    }
    monkeypatch.setattr(patches, "_LONGEST", 10_000)

    known = patches.are_whole(Repository(git.path), undone.values())

    assert (known[undone[small]], known[undone[large]]) == (True, None)


def test_what_was_compared_once_is_known_without_git(git: GitBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    version = plain(git)
    told(git, version)
    monkeypatch.setattr(patches, "_SECONDS", 0)

    assert told(git, version) == {True}


@pytest.mark.parametrize(("build", "expected"), [(plain, True), (one_that_keeps_a_file, False)])
def test_the_revert_that_going_back_would_defy_is_compared(build: Build, expected: bool, git: GitBuilder) -> None:
    begin = git.head()
    version = build(git)
    old = git.head("HEAD^")
    judged = resolver(git, version)
    here, there = {"cart": begin}, {"cart": old}

    comparison = judged.compare(here, there)
    deciding = tuple(deciders(judged, comparison, here, there))

    assert [change.feature.id for change in comparison.resurrected] == ["SHOP-1"]
    known = patches.are_whole(Repository(git.path), (one.undone for one in deciding))
    assert set(known.values()) == {expected}
