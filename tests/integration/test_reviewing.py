"""A plan is only made of what can be trusted; whatever is wrong is said, and nothing is changed."""

import subprocess
from collections.abc import Iterator

import pytest

from reversion.errors import PlanVoid, Refused, ReversionError, SnapshotInvalid, UnknownName
from reversion.features.values import State
from reversion.operations import reviewing, tagging
from reversion.operations.reasons import reasons
from reversion.operations.workspace import Workspace, open_workspace
from reversion.plan import Plan
from reversion.snapshot import TakenBy
from tests.gitbuilder import GitBuilder
from tests.small_product import SmallProduct, make_small_product

OLD = {"cart": "1.0.0", "pay": "1.0.0", "web": "1.0.0"}
NEW = {"cart": "1.1.0", "pay": "1.1.0", "web": "1.1.0"}
BY = TakenBy(kind="person", name="Ana")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SmallProduct:
    """Staging, the only environment, runs 1.1.0; its newest snapshot is of 1.0.0."""
    made = make_small_product(tmp_path_factory.mktemp("reviewed"), environments=("staging",))
    made.run("staging", **OLD)
    with made.at_home():
        take(made)
    made.run("staging", **NEW)
    made.keep()
    return made


@pytest.fixture
def small(small: SmallProduct) -> Iterator[SmallProduct]:
    """See that afterwards nothing has changed."""
    yield small
    now = small.running("staging")
    assert {name: now[name] for name in ("cart", "pay")} == {"cart": "1.1.0", "pay": "1.1.0"}


@pytest.fixture(scope="module")
def plan(original: SmallProduct) -> Plan:
    """The plan that is made of it."""
    original.take_back()
    with original.at_home():
        return reviewing.review(opened(original), "staging", "latest-verified")


def opened(small: SmallProduct) -> Workspace:
    return open_workspace(str(small.product))


def verified_now(workspace: Workspace) -> tagging.Verification:
    return tagging.verification(workspace, workspace.product.environment("staging"), lambda _: None)


def take(small: SmallProduct) -> str:
    workspace = opened(small)
    request = tagging.Request(by=BY, verification=verified_now(workspace))
    return tagging.take(workspace, workspace.product.environment("staging"), request).recorded.tag


def rewrite(small: SmallProduct, old: str, new: str) -> None:
    """Change the product file, and commit that."""
    text = (small.product / "reversion.yaml").read_text()
    assert old in text
    small.git().commit("Change the product", {"reversion.yaml": text.replace(old, new)})


def refusal(small: SmallProduct, snapshot: str = "latest-verified", environment: str = "staging") -> ReversionError:
    with pytest.raises(ReversionError) as caught:
        reviewing.review(opened(small), environment, snapshot)
    return caught.value


def test_the_plan_tells_what_is_lost_and_where_it_goes(small: SmallProduct, plan: Plan):
    assert [change.feature.id for change in plan.comparison.lost] == ["SHOP-3", "SHOP-2"]
    assert [step.service for step in plan.steps] == ["pay", "web", "cart"]
    assert {step.direction for step in plan.steps} == {"back"}
    assert plan.digest == reviewing.review(opened(small), "staging", plan.snapshot).digest


def test_a_follow_up_since_the_snapshot_is_told_with_what_the_snapshot_says(small: SmallProduct):
    GitBuilder(small.directory / "cart").commit("fix: gift cards round\n\nFeature: SHOP-1", {"round.txt": "1"})

    (kept,) = reviewing.review(opened(small), "staging", "latest-verified").comparison.kept[:1]

    assert (kept.feature.id, kept.after, kept.when_taken) == ("SHOP-1", State.PARTIAL, State.COMPLETE)


def test_what_changes_is_explained_before_and_after_losses_first(small: SmallProduct, plan: Plan):
    pairs = tuple(reasons(opened(small), plan))

    assert [before.feature.id for before, _ in pairs] == ["SHOP-3", "SHOP-2"]
    told = [(one.shares[0].version, one.shares[0].items[0].why) for one in pairs[0]]
    assert told == [("1.1.0", "in effect"), ("1.0.0", "not in this version")]
    assert pairs[0][0].shares[0].items[0].first == "v1.1.0"


def test_what_the_snapshot_had_and_no_commit_names_any_longer_is_unknown(small: SmallProduct):
    rewrite(small, "names: [Feature]", "names: [Ticket]")

    unknown = reviewing.review(opened(small), "staging", "latest-verified").comparison.unknown

    assert {change.feature.id: change.when_taken for change in unknown} == {
        "SHOP-1": State.COMPLETE,
        "SHOP-4": State.COMPLETE,
    }


def test_changed_configuration_is_listed_but_not_what_stays_current(small: SmallProduct):
    rewrite(small, "configuration: [", "keep_current: [ansible/staging.yml]\n    configuration: [")
    inventory = (small.product / "ansible/staging.yml").read_text()
    changed = {"ansible/settings.ini": "colour = red\n", "ansible/staging.yml": f"# new\n{inventory}"}
    small.git().commit("Change colours", changed)

    plan = reviewing.review(opened(small), "staging", "latest-verified")

    assert [(change.path, change.change) for change in plan.configuration] == [("ansible/settings.ini", "changed")]


def test_unknown_names_list_what_there_is(small: SmallProduct):
    assert isinstance(error := refusal(small, environment="stagin"), UnknownName)
    assert "staging" in str(error)
    assert isinstance(error := refusal(small, "reversion/staging/2020-01-01T00-00-00Z-000000000000"), UnknownName)
    assert small.tags()[0] in str(error)


def test_a_tag_made_by_hand_or_of_another_environment_is_refused(small: SmallProduct):
    tag = small.tags()[0]
    small.git().tag("reversion/staging/2026-01-01T00-00-00Z-0123456789ab", message="by hand")

    assert isinstance(refusal(small, "reversion/staging/2026-01-01T00-00-00Z-0123456789ab"), SnapshotInvalid)
    small.describe("staging", "uat")
    assert "uat" in str(refusal(small, tag, "uat"))


def test_a_moved_tag_is_refused_loudly(small: SmallProduct):
    tag = small.tags()[0]
    message = small.git().git("cat-file", "tag", tag).split("\n\n", 1)[1]
    small.git().git("tag", "-d", tag)
    small.git().git("tag", "-a", tag, "-F", "-", "--cleanup=verbatim", stdin=message + "\n")

    assert isinstance(error := refusal(small, tag), SnapshotInvalid)
    assert tag in str(error)


def test_hosts_shared_with_another_environment_are_refused(small: SmallProduct):
    small.describe("staging", "live")
    text = (small.product / "ansible/live.yml").read_text().replace("127.0.5.1", "127.0.4.1")
    small.git().commit("Share a host", {"ansible/live.yml": text})

    assert isinstance(error := refusal(small), Refused)
    assert "127.0.4.1" in str(error)
    assert "live" in str(error)


def test_a_service_that_is_gone_refuses_and_one_that_is_new_is_left_alone(small: SmallProduct):
    rewrite(small, "  pay: {repository: ../pay}\n", "")
    assert "no longer has: pay" in str(refusal(small))

    cart = "  cart: {repository: ../cart}"
    rewrite(small, cart, f"{cart}\n  pay: {{repository: ../pay}}\n  search: {{repository: ../cart, hosts: cart}}")
    small.run("staging", search="1.0.0")
    plan = reviewing.review(opened(small), "staging", "latest-verified")
    assert "search is new since the snapshot: it is left as it is." in plan.warnings
    assert "search" not in {step.service for step in plan.steps}


def test_a_repository_that_is_gone_or_shallow_makes_features_unknown_and_warns(small: SmallProduct):
    (small.directory / "cart").rename(small.directory / "cart.gone")
    plan = reviewing.review(opened(small), "staging", "latest-verified")
    assert {change.after for change in plan.comparison.unknown} == {State.UNKNOWN}
    assert "SHOP-1" in {change.feature.id for change in plan.comparison.unknown}
    assert any(warning.startswith("The features of cart are unknown") for warning in plan.warnings)

    source = (small.directory / "cart.gone").as_uri()
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, small.directory / "cart"], check=True)
    plan = reviewing.review(opened(small), "staging", "latest-verified")
    assert any("shallow" in warning for warning in plan.warnings)


def test_a_playbook_that_can_not_be_parsed_is_found_before_anything_changes(small: SmallProduct):
    small.git().commit("Break the playbook", {"ansible/restore.yml": "- hosts: all\n  tasks: [\n"})
    small.run("staging", **OLD)
    tag = take(small)
    small.run("staging", **NEW)

    assert "restore.yml" in str(refusal(small, tag))


def test_a_plan_is_void_once_the_environment_has_drifted(small: SmallProduct, plan: Plan):
    reviewing.confirm(opened(small), plan)
    small.run("staging", web="1.0.0")

    with pytest.raises(PlanVoid, match="has changed since the review"):
        reviewing.confirm(opened(small), plan)


def test_a_retry_accepts_what_it_restored_before_and_nothing_else(small: SmallProduct, plan: Plan):
    small.run("staging", web="1.0.0")
    reviewing.confirm(opened(small), plan, is_retry=True)
    small.run("staging", web="0.9.0")

    with pytest.raises(PlanVoid, match="has changed since the review"):
        reviewing.confirm(opened(small), plan, is_retry=True)


def test_tests_of_something_else_verify_nothing(small: SmallProduct):
    workspace = opened(small)
    verification = verified_now(workspace)
    small.run("staging", web="1.0.0")

    request = tagging.Request(by=BY, verification=verification)
    taken = tagging.take(workspace, workspace.product.environment("staging"), request)

    assert verification.passed
    assert taken.recorded.snapshot.verified is None


def test_without_tests_nothing_is_verified(small: SmallProduct):
    small.describe("live")
    workspace = opened(small)

    assert tagging.verification(workspace, workspace.product.environment("live"), print).passed is None
