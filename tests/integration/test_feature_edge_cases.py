"""The edge cases of judging features, each on a repository that Git itself made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reversion.adapters.histories import map_version
from reversion.adapters.index import Index, read_ledgers
from reversion.adapters.repository import Repository
from reversion.feature_settings import CatalogueEntry, FeatureSettings, Fragments, Key, Line, Pattern, PullRequest
from reversion.features.ledger import Ledger
from reversion.features.recalling import recall
from reversion.features.resolver import Resolver
from reversion.features.values import Feature, State
from reversion.operations.checking import checked
from reversion.operations.workspace import Workspace
from reversion.product import Product, Service
from tests.gitbuilder import GitBuilder
from tests.ledgers import read_ledger

SETTINGS = FeatureSettings(conventions=(Line(kind="line", names=("Feature",)), Key(kind="key", projects=("SHOP",))))
Build = Callable[[GitBuilder], str]


def a_service(**changes: object) -> Service:
    fields = {"name": "cart", "repository": "cart", "hosts": "cart"} | changes
    return Service.model_validate(fields)


def read(
    builder: GitBuilder,
    *commits: str,
    settings: FeatureSettings = SETTINGS,
    entries: tuple[CatalogueEntry, ...] = (),
    **changes: object,
) -> Ledger:
    return read_ledger(builder.path, a_service(**changes), settings, *commits, entries=entries)


def a_workspace(tmp_path: Path, git: GitBuilder) -> Workspace:
    """A product of the one service; the service's repository stands for the product's."""
    product = Product.model_validate(
        {
            "product": "shop",
            "services": {"cart": {"repository": "cart"}},
            "environments": {"staging": {"inventory": "hosts", "observe": {"file": "/version"}}},
        }
    )
    return Workspace(tmp_path, tmp_path / "home", Repository(git.path), git.head(), product)


def judge(builder: GitBuilder, version: str, id: str = "SHOP-1") -> Feature:
    resolver = Resolver((read(builder, version),), SETTINGS)
    return next(feature for feature in resolver.features({"cart": version}) if feature.id == id)


def a_repository(tmp_path: Path) -> GitBuilder:
    builder = GitBuilder(tmp_path / "cart")
    builder.commit("chore: begin", {"README": "cart"})
    return builder


def picked_to_a_release_branch(git: GitBuilder) -> str:
    git.branch("release")
    git.checkout("main")
    fix = git.commit("fix: totals SHOP-1", {"fix": "1"})
    git.checkout("release")
    git.commit("release notes", {"notes": "1"})
    return git.pick(fix)


def picked_and_the_original_reverted_on_main(git: GitBuilder) -> str:
    picked = picked_to_a_release_branch(git)
    git.checkout("main")
    git.revert("main")
    return picked


def revert_picked_to_the_release_branch(git: GitBuilder) -> str:
    picked_to_a_release_branch(git)
    git.checkout("main")
    reverted = git.revert("main")
    git.checkout("release")
    return git.pick(reverted)


def unmarked_pick_of_a_revert(git: GitBuilder) -> str:
    picked_to_a_release_branch(git)
    git.checkout("main")
    reverted = git.revert("main")
    git.checkout("release")
    return git.pick(reverted, marked=False)


def revert_of_a_revert(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.revert(git.revert(change))


def revert_of_a_revert_of_a_revert(git: GitBuilder) -> str:
    return git.revert(revert_of_a_revert(git))


def revert_picked_and_brought_back_on_main_only(git: GitBuilder) -> str:
    withdrawn = revert_picked_to_the_release_branch(git)
    git.checkout("main")
    git.revert("main")
    return withdrawn


def landed_again_under_the_same_key(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.revert(change)
    return git.commit("feat: gift cards, done right SHOP-1", {"gift": "2"})


def reapplied_in_the_words_of_newer_git(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    reverted = git.revert(change)
    return git.commit(f'Reapply "feat: gift cards SHOP-1"\n\nThis reverts commit {reverted}.\n', {"gift": "1"})


def a_merged_topic(git: GitBuilder) -> str:
    git.branch("topic")
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.commit("feat: gift card codes SHOP-1", {"codes": "1"})
    git.checkout("main")
    git.commit("chore: elsewhere", {"else": "1"})
    return git.merge("topic")


def revert_of_a_merge(git: GitBuilder) -> str:
    return git.revert(a_merged_topic(git), mainline=1)


def merged_again_after_its_revert(git: GitBuilder) -> str:
    revert_of_a_merge(git)
    git.checkout("topic")
    git.commit("chore: more", {"more": "1"})
    git.checkout("main")
    merged = git.merge("topic")
    assert "gift" not in git.files()
    return merged


def revert_of_a_merge_reverted(git: GitBuilder) -> str:
    brought_back = git.revert(revert_of_a_merge(git))
    assert "gift" in git.files()
    return brought_back


def merge_reverted_after_one_side_was_picked(git: GitBuilder) -> str:
    git.branch("topic")
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.commit("feat: stamps SHOP-2", {"stamps": "1"})
    git.checkout("main")
    git.pick(change)
    reverted = git.revert(git.merge("topic"), mainline=1)
    assert "gift" in git.files()
    assert "stamps" not in git.files()
    return reverted


def squashed(git: GitBuilder) -> str:
    git.branch("topic")
    git.commit("begin with gift cards SHOP-1", {"gift": "1"})
    git.commit("end with gift cards SHOP-1", {"codes": "1"})
    git.checkout("main")
    return git.squash("topic", "feat: gift cards SHOP-1 (#12)")


def squash_that_quotes_a_revert_made_on_its_branch(git: GitBuilder) -> str:
    git.branch("topic")
    first = git.commit("try one way", {"gift": "1"})
    git.revert(first)
    git.commit("go another way", {"gift": "2"})
    git.checkout("main")
    return git.squash(
        "topic", f'feat: gift cards SHOP-1 (#12)\n\n* Revert "try one way"\n\nThis reverts commit {first}.\n'
    )


def reverted_through_its_pull_request(git: GitBuilder) -> str:
    git.commit("feat: gift cards SHOP-1 (#12)", {"gift": "1"})
    git.commit("chore: elsewhere (#13)", {"else": "1"})
    return git.commit('Revert "feat: gift cards SHOP-1 (#12)" (#14)\n\nReverts shop/cart#12\n', {"gift": "0"})


def merge_reverted_through_its_pull_request(git: GitBuilder) -> str:
    git.branch("topic")
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.checkout("main")
    git.merge("topic", "Merge pull request #12 from shop/topic\n\nGift cards")
    return git.commit('Revert "Gift cards" (#14)\n\nReverts shop/cart#12\n', {"gift": "0"})


def reverted_by_subject_alone(git: GitBuilder) -> str:
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.commit('Revert "feat: gift cards SHOP-1"\n', {"gift": "0"})


def reverted_by_a_subject_cut_short(git: GitBuilder) -> str:
    git.commit("feat: gift cards with a very long subject SHOP-1", {"gift": "1"})
    return git.commit('Revert "feat: gift cards with a very ..."\n', {"gift": "0"})


def reverted_the_conventional_way(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.commit(f"revert: take the gift cards back\n\nRefs: {change[:12]}\n", {"gift": "0"})


def reverted_under_a_subject_of_its_own(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.commit(f"Back out gift cards SHOP-1\n\nThis reverts commit {change}.\n", {"gift": "0"})


def reverted_on_a_release_branch_in_words_of_its_own(git: GitBuilder) -> str:
    picked_to_a_release_branch(git)
    change = git.head("main")
    return git.commit(f"Annule les totaux SHOP-1\n\nThis reverts commit {change}.\n", {"fix": "0"})


def reverted_behind_a_key(git: GitBuilder) -> str:
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.commit('[SHOP-1] Revert "feat: gift cards SHOP-1"\n', {"gift": "0"})


def reverted_in_the_middle_of_a_line(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return git.commit(f"Undo SHOP-1\n\nBroken in production. This reverts commit {change}.\n", {"gift": "0"})


def reverted_with_others_in_one_commit(git: GitBuilder) -> str:
    other = git.commit("feat: stamps SHOP-2", {"stamps": "1"})
    another = git.commit("feat: coupons SHOP-3", {"coupons": "1"})
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    message = f"Undo the last three\n\nThis reverts commits {other}, {another} and {change}.\n"
    return git.commit(message, {"stamps": "0", "coupons": "0", "gift": "0"})


def squash_that_also_reverts_something_older(git: GitBuilder) -> str:
    older = git.commit("feat: old checkout SHOP-2", {"old": "1"})
    words = f'* Revert "feat: old checkout SHOP-2"\n\nThis reverts commit {older}.\n\n* add gift cards\n'
    return git.commit(f"feat: gift cards SHOP-1 (#12)\n\n{words}", {"old": "0", "gift": "1"})


def such_a_squash_reverted(git: GitBuilder) -> str:
    return git.revert(squash_that_also_reverts_something_older(git))


def merge_reverted_by_reference_to_its_second_parent(git: GitBuilder) -> str:
    git.branch("topic")
    git.commit("feat: stamps SHOP-2", {"stamps": "1"})
    git.checkout("main")
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    merge = git.merge("topic")
    git.git("revert", "--no-edit", "--reference", "-m", "2", merge)
    body = git.git("log", "-1", "--format=%b")
    git.git("commit", "--quiet", "--amend", "-m", f"Take the gift cards out\n\n{body}")
    assert "gift" not in git.files()
    assert "stamps" in git.files()
    return git.head()


def toggled_by_unmarked_picks(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    reverted = git.revert(change)
    for _ in range(2):
        git.pick(change, marked=False)
        version = git.pick(reverted, marked=False)
    assert "gift" not in git.files()
    return version


def a_pull_request_number_that_means_something_else_here(git: GitBuilder) -> str:
    git.branch("release")
    git.checkout("main")
    git.commit("feat: gift cards SHOP-1 (#7)", {"gift": "1"})
    git.checkout("release")
    return git.commit("fix: totals SHOP-3 (#7)", {"fix": "1"})


def quoted_by_a_commit_that_cannot_revert_it(git: GitBuilder) -> str:
    git.branch("elsewhere")
    other = git.commit("feat: unrelated", {"other": "1"})
    git.checkout("main")
    return git.commit(f"feat: gift cards SHOP-1\n\nThis reverts commit {other}.\n", {"gift": "1"})


def rebased_with_its_change_id(git: GitBuilder) -> str:
    change = "Change-Id: I" + "a1" * 20
    git.branch("release")
    git.commit(f"feat: gift crads SHOP-1\n\n{change}\n", {"gift": "1"})
    git.checkout("main")
    git.commit("chore: elsewhere", {"else": "1"})
    git.commit(f"feat: gift cards SHOP-1\n\n{change}\n", {"gift": "2"})
    return git.head("release")


def picked_twice_over(git: GitBuilder) -> str:
    git.branch("old")
    git.branch("release")
    git.checkout("main")
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.checkout("release")
    second = git.pick(change)
    git.checkout("old")
    git.commit("chore: elsewhere", {"else": "1"})
    return git.commit(
        f"feat: gift cards for old shops\n\n(cherry picked from commit {change})\n"
        f"(cherry picked from commit {second})\n",
        {"gift": "1"},
    )


def backported_by_hand_under_the_same_subject(git: GitBuilder) -> str:
    git.branch("release")
    git.checkout("main")
    git.commit("feat: Gift cards, SHOP-1 (#12)", {"gift": "1"})
    git.commit("feat: gift card codes SHOP-1", {"codes": "1"})
    git.checkout("release")
    git.commit("[backport 2.1] feat: gift cards SHOP-1 (#15)", {"gift": "2"})
    return git.commit("feat: gift card codes SHOP-1", {"codes": "2"})


def two_changes_under_one_subject(git: GitBuilder) -> str:
    first = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.commit("feat: gift cards SHOP-1", {"gift": "2"})
    return first


def two_changes_that_say_nothing_but_the_key(git: GitBuilder) -> str:
    git.branch("release")
    first = git.commit("SHOP-1", {"gift": "1"})
    git.checkout("main")
    git.merge("release")
    git.commit("SHOP-1:", {"codes": "1"})
    return first


def a_follow_up_much_later(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.commit("chore: elsewhere", {"else": "1"})
    git.commit("fix: gift cards round SHOP-1", {"gift": "2"})
    return change


def before_it_began(git: GitBuilder) -> str:
    begin = git.head()
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    return begin


CASES = [
    (picked_to_a_release_branch, State.COMPLETE, (1, 1)),
    (picked_and_the_original_reverted_on_main, State.COMPLETE, (1, 1)),
    (revert_picked_to_the_release_branch, State.WITHDRAWN, (0, 1)),
    (unmarked_pick_of_a_revert, State.WITHDRAWN, (0, 1)),
    (revert_picked_and_brought_back_on_main_only, State.WITHDRAWN, (0, 1)),
    (revert_of_a_revert, State.COMPLETE, (1, 1)),
    (revert_of_a_revert_of_a_revert, State.WITHDRAWN, (0, 1)),
    (landed_again_under_the_same_key, State.COMPLETE, (1, 1)),
    (reapplied_in_the_words_of_newer_git, State.COMPLETE, (1, 1)),
    (a_merged_topic, State.COMPLETE, (2, 2)),
    (revert_of_a_merge, State.WITHDRAWN, (0, 2)),
    (merged_again_after_its_revert, State.WITHDRAWN, (0, 2)),
    (revert_of_a_merge_reverted, State.COMPLETE, (2, 2)),
    (merge_reverted_after_one_side_was_picked, State.COMPLETE, (1, 1)),
    (squashed, State.COMPLETE, (1, 1)),
    (squash_that_quotes_a_revert_made_on_its_branch, State.COMPLETE, (1, 1)),
    (reverted_through_its_pull_request, State.WITHDRAWN, (0, 1)),
    (merge_reverted_through_its_pull_request, State.WITHDRAWN, (0, 1)),
    (reverted_by_subject_alone, State.WITHDRAWN, (0, 1)),
    (reverted_by_a_subject_cut_short, State.WITHDRAWN, (0, 1)),
    (reverted_the_conventional_way, State.WITHDRAWN, (0, 1)),
    (reverted_under_a_subject_of_its_own, State.WITHDRAWN, (0, 1)),
    (reverted_on_a_release_branch_in_words_of_its_own, State.WITHDRAWN, (0, 1)),
    (reverted_behind_a_key, State.WITHDRAWN, (0, 1)),
    (reverted_in_the_middle_of_a_line, State.WITHDRAWN, (0, 1)),
    (reverted_with_others_in_one_commit, State.WITHDRAWN, (0, 1)),
    (squash_that_also_reverts_something_older, State.COMPLETE, (1, 1)),
    (such_a_squash_reverted, State.WITHDRAWN, (0, 1)),
    (merge_reverted_by_reference_to_its_second_parent, State.WITHDRAWN, (0, 1)),
    (toggled_by_unmarked_picks, State.WITHDRAWN, (0, 1)),
    (a_pull_request_number_that_means_something_else_here, State.ABSENT, (0, 1)),
    (quoted_by_a_commit_that_cannot_revert_it, State.COMPLETE, (1, 1)),
    (rebased_with_its_change_id, State.COMPLETE, (1, 1)),
    (picked_twice_over, State.COMPLETE, (1, 1)),
    (backported_by_hand_under_the_same_subject, State.COMPLETE, (2, 2)),
    (two_changes_under_one_subject, State.PARTIAL, (1, 2)),
    (two_changes_that_say_nothing_but_the_key, State.PARTIAL, (1, 2)),
    (a_follow_up_much_later, State.PARTIAL, (1, 2)),
    (before_it_began, State.ABSENT, (0, 1)),
]


@pytest.mark.parametrize(
    ("build", "state", "counts"), CASES, ids=[case[0].__name__.replace("_", " ") for case in CASES]
)
def test_a_version_is_judged_by_what_its_history_does(
    build: Build, state: State, counts: tuple[int, int], tmp_path: Path
) -> None:
    git = a_repository(tmp_path)

    feature = judge(git, build(git))

    assert (feature.state, [(part.have, part.need) for part in feature.parts]) == (state, [counts])


@pytest.mark.parametrize(
    ("build", "state"),
    [
        (squash_that_also_reverts_something_older, State.WITHDRAWN),
        (such_a_squash_reverted, State.COMPLETE),
        (reverted_with_others_in_one_commit, State.WITHDRAWN),
        (merge_reverted_by_reference_to_its_second_parent, State.COMPLETE),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else value,
)
def test_what_else_such_a_revert_does_is_told_too(build: Build, state: State, tmp_path: Path) -> None:
    git = a_repository(tmp_path)

    assert judge(git, build(git), "SHOP-2").state == state


def test_a_revert_in_one_service_of_a_shared_repository_takes_nothing_from_another(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    change = git.commit("feat: gift cards SHOP-1", {"cart/gift": "1", "web/gift": "1"})
    version = git.commit(f'Revert "feat: gift cards SHOP-1"\n\nThis reverts commit {change}.\n', {"cart/gift": "0"})
    services = tuple(a_service(name=name, paths=(f"{name}/",)) for name in ("cart", "web"))

    ledgers = read_ledgers(Repository(git.path), services, (version,), Index(git.path, git.path, SETTINGS, ()))
    (feature,) = Resolver(ledgers, SETTINGS).features(dict.fromkeys(("cart", "web"), version))

    assert [(part.service, part.have, part.need) for part in feature.parts] == [("web", 1, 1)]


def test_an_id_is_written_for_the_service_whose_commit_names_it(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    version = git.commit("closes #12", {"gift": "1"})
    pattern = Pattern(kind="pattern", regex=r"closes #(?P<id>\d+)", form="{service}#{id}")
    settings = FeatureSettings(
        conventions=(pattern, Fragments(kind="fragments", folder="changelog.d", form="F-{service}-{id}"))
    )
    git.commit("add a note", {"changelog.d/7.feature.md": "x"})
    services = tuple(a_service(name=name) for name in ("cart", "web"))

    ledgers = read_ledgers(Repository(git.path), services, (version,), Index(git.path, git.path, settings, ()))

    assert [sorted(ledger.features) for ledger in ledgers] == [["F-cart-7", "cart#12"], ["F-web-7", "web#12"]]


def test_a_graft_in_a_local_repository_is_not_believed(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    version = git.commit("chore: more", {"more": "1"})
    (git.path / ".git/info").mkdir(exist_ok=True)
    (git.path / ".git/info/grafts").write_text(f"{version}\n")

    assert judge(git, version).state == State.COMPLETE


def test_the_other_side_of_a_reverted_merge_is_gone(tmp_path: Path) -> None:
    git = a_repository(tmp_path)

    feature = judge(git, merge_reverted_after_one_side_was_picked(git), "SHOP-2")

    assert feature.state == State.WITHDRAWN


def test_a_version_from_an_unmerged_branch_has_its_feature_and_says_that_it_is_not_sure(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    squashed(git)

    feature = judge(git, git.head("topic"))

    assert (feature.state, feature.ambiguous) == (State.COMPLETE, True)


def test_a_commit_that_no_branch_holds_any_longer_is_judged_while_it_exists(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    git.branch("hotfix")
    deployed = git.commit("fix: totals SHOP-1", {"fix": "1"})
    git.checkout("main")
    git.git("branch", "-D", "hotfix")

    feature = judge(git, deployed)

    assert (feature.state, feature.ambiguous) == (State.COMPLETE, True)


def test_a_version_whose_commit_is_gone_makes_its_features_unknown(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    deployed = git.commit("fix: totals SHOP-1", {"fix": "1"})
    git.commit("fix: totals again SHOP-1", {"fix": "2"})
    gone = "f" * 40

    history = read(git)
    repository = Repository(git.path)
    mapped = map_version(repository, a_service(), gone, repository.refs())
    (feature,) = Resolver((history,), SETTINGS).features({"cart": mapped.commit})

    assert "no commit of that id" in mapped.problem
    assert feature.state == State.UNKNOWN
    assert map_version(Repository(git.path), a_service(), deployed, {}).commit == deployed


def test_a_follow_up_a_year_later_is_told_as_complete_then_and_partial_now(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    old = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    taken = judge(git, old)
    git.commit("chore: elsewhere", {"else": "1"})
    new = git.commit("fix: gift cards round SHOP-1", {"gift": "2"})

    resolver = Resolver((read(git),), SETTINGS)
    (change,) = recall(resolver.compare({"cart": new}, {"cart": old}), (taken,)).made_partial

    assert change.told == "complete to partial, complete when taken"


def reverted_after_other_lines_came_and_went(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1\ngift\n2\n"})
    git.commit("chore: elsewhere", {"gift": "0\n0\n1\ngift\n2\n"})
    return git.revert(change)


def reverted_but_for_a_part(git: GitBuilder) -> str:
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1\ngift\n2\n", "codes": "1\n2\n3\n"})
    return git.commit(f'Revert "feat: gift cards SHOP-1"\n\nThis reverts commit {change}.\n', {"gift": "1\n2\n"})


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (reverted_after_other_lines_came_and_went, "withdrawn"),
        (revert_of_a_merge, "withdrawn"),
        (revert_picked_to_the_release_branch, "withdrawn"),
        (reverted_but_for_a_part, "withdrawn (check)"),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else value,
)
def test_a_revert_that_keeps_a_part_is_to_be_checked_and_a_plain_one_is_not(
    build: Build, told: str, tmp_path: Path
) -> None:
    git = a_repository(tmp_path)
    git.commit("chore: prepare", {"gift": "1\n2\n"})
    version = build(git)
    workspace = a_workspace(tmp_path, git)
    vector = {"cart": version}
    resolver = Resolver((read(git, version),), SETTINGS)

    features = {one.id: one for one in checked(workspace, resolver, resolver.features(vector), vector)}

    assert features["SHOP-1"].told == told


def test_a_feature_reverted_on_two_lines_that_met_is_ambiguous(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.branch("topic")
    git.revert(git.revert(change))
    git.checkout("main")
    git.revert(change)

    assert judge(git, git.merge("topic")).ambiguous


def test_a_revert_picked_to_a_release_branch_leaves_no_doubt(tmp_path: Path) -> None:
    git = a_repository(tmp_path)

    assert not judge(git, revert_picked_to_the_release_branch(git)).ambiguous


def test_one_commit_counts_for_every_key_and_one_key_in_every_service(tmp_path: Path) -> None:
    cart, web = a_repository(tmp_path), GitBuilder(tmp_path / "web")
    both = cart.commit("feat: gift cards SHOP-1 SHOP-2", {"gift": "1"})
    page = web.commit("feat: gift card page SHOP-1", {"page": "1"})
    histories = (read(cart), read(web, name="web"))
    resolver = Resolver(histories, SETTINGS)

    features = {feature.id: feature for feature in resolver.features({"cart": both, "web": page})}

    assert [part.service for part in features["SHOP-1"].parts] == ["cart", "web"]
    assert [part.service for part in features["SHOP-2"].parts] == ["cart"]


def test_a_key_that_only_another_repository_names_needs_nothing_here(tmp_path: Path) -> None:
    cart, web = a_repository(tmp_path), GitBuilder(tmp_path / "web")
    page = web.commit("feat: gift card page SHOP-1", {"page": "1"})
    resolver = Resolver((read(cart), read(web, name="web")), SETTINGS)

    (feature,) = resolver.features({"cart": cart.head(), "web": page})

    assert (feature.state, len(feature.parts)) == (State.COMPLETE, 1)


def test_a_monorepo_commit_counts_for_each_service_that_it_touches(tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "platform")
    git.commit("feat: search SHOP-2", {"search/a": "1", "searching/b": "1"})
    both = git.commit("feat: gift cards SHOP-1", {"cart/a": "1", "search/b": "1"})
    parts = ("cart", "search")
    resolver = Resolver(tuple(read(git, name=name, paths=(name,)) for name in parts), SETTINGS)

    features = {feature.id: feature for feature in resolver.features(dict.fromkeys(parts, both))}

    assert [part.service for part in features["SHOP-1"].parts] == ["cart", "search"]
    assert [part.service for part in features["SHOP-2"].parts] == ["search"]


def test_an_applied_and_reverted_topic_of_a_monorepo_is_still_seen(tmp_path: Path) -> None:
    git = GitBuilder(tmp_path / "platform")
    git.commit("begin", {"cart/a": "1"})
    git.branch("topic")
    git.revert(git.commit("feat: gift cards SHOP-1", {"cart/gift": "1"}))
    git.checkout("main")
    git.commit("elsewhere", {"web/a": "1"})
    merged = git.merge("topic")
    resolver = Resolver((read(git, paths=("cart",)),), SETTINGS)

    (feature,) = resolver.features({"cart": merged})

    assert feature.state == State.WITHDRAWN


def test_the_same_number_of_an_issue_and_a_pull_request_are_two_features(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    git.commit("feat: gift cards\n\nFeature: #12\n", {"gift": "1"})
    version = git.commit("feat: stamps (#12)", {"stamps": "1"})
    settings = FeatureSettings(conventions=(Line(kind="line", names=("Feature",)), PullRequest(kind="pull_request")))

    features = Resolver((read(git, settings=settings),), settings).features({"cart": version})

    assert {feature.id for feature in features} == {"12", "cart#12"}


def test_going_back_before_a_revert_is_told_as_resurrection(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    old = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    new = git.revert(old)

    comparison = Resolver((read(git),), SETTINGS).compare({"cart": new}, {"cart": old})

    assert [change.feature.id for change in comparison.resurrected] == ["SHOP-1"]


def test_a_revert_on_main_that_the_running_release_never_had_does_not_make_it_lack_the_feature(
    tmp_path: Path,
) -> None:
    git = a_repository(tmp_path)
    git.branch("release")
    git.checkout("main")
    change = git.commit("feat: gift cards SHOP-1", {"gift": "1"})
    git.checkout("release")
    running = git.pick(change)
    git.checkout("main")
    reverted = git.revert(change)
    resolver = Resolver((read(git, running),), SETTINGS)

    assert [change.after for change in resolver.compare({"cart": running}, {"cart": reverted}).lost] == [
        State.WITHDRAWN
    ]
    assert resolver.compare({"cart": reverted}, {"cart": running}).resurrected


def test_a_merged_pull_request_names_the_feature_of_what_it_brought(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    before = git.head()
    git.branch("topic")
    git.commit("begin", {"gift": "1"})
    git.commit("end", {"codes": "1"})
    git.checkout("main")
    git.commit("chore: elsewhere", {"else": "1"})
    git.checkout("topic")
    git.merge("main", "Merge branch 'main' into SHOP-1-gift-cards")
    git.checkout("main")
    after = git.merge("topic", "Merge pull request #12 from shop/SHOP-1-gift-cards\n\nGift cards")
    resolver = Resolver((read(git),), SETTINGS)

    (there,) = resolver.features({"cart": after})
    (before_it,) = resolver.features({"cart": before})

    assert (there.title, there.parts[0].need) == ("Gift cards", 2)
    assert before_it.state == State.ABSENT


def test_a_catalogue_entry_collects_keys_and_needs_every_service_it_requires(tmp_path: Path) -> None:
    git = a_repository(tmp_path)
    version = git.commit("feat: gift cards SHOP-7", {"gift": "1"})
    entry = CatalogueEntry(id="SHOP-1", title="Gift cards", keys=("SHOP-7",), requires=("cart", "web"))
    resolver = Resolver((read(git, entries=(entry,)),), SETTINGS, (entry,))

    (feature,) = resolver.features({"cart": version})

    assert (feature.id, feature.title, feature.state) == ("SHOP-1", "Gift cards", State.PARTIAL)
    assert [(part.service, part.have, part.need) for part in feature.parts] == [("cart", 1, 1), ("web", 0, 1)]
