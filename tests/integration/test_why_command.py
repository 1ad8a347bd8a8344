"""`reversion why` tells the commits, reverts and picks that decide a feature's state, anywhere."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reversion.cli import main
from reversion.operations import tagging
from reversion.operations.workspace import open_workspace
from reversion.snapshot import TakenBy
from tests.gitbuilder import GitBuilder
from tests.small_product import SmallProduct, make_small_product

Said = Callable[..., tuple[Any, str]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SmallProduct:
    """Staging runs 1.1.0, and has a snapshot of that; then SHOP-1 grows in cart, and is picked to 1.0.1."""
    made = make_small_product(tmp_path_factory.mktemp("explained"), environments=("staging",))
    with made.at_home():
        workspace = open_workspace(str(made.product))
        request = tagging.Request(by=TakenBy(kind="person", name="Ana"))
        tagging.take(workspace, workspace.product.environment("staging"), request)
    cart = cart_of(made)
    fix = cart.commit("fix: round <b>gifts</b>\n\nFeature: SHOP-1", {"round.txt": "1"})
    cart.branch("release", "v1.0.0")
    cart.pick(fix)
    cart.tag("v1.0.1")
    cart.tag("not-a-version/1")
    cart.checkout("main")
    made.keep()
    return made


def cart_of(small: SmallProduct) -> GitBuilder:
    return GitBuilder(small.directory / "cart")


def call(small: SmallProduct, *arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(["--product", str(small.product), "why", *arguments])
    return int(exit.value.code or 0)


@pytest.fixture
def why(small: SmallProduct, capsys: pytest.CaptureFixture[str]) -> Said:
    """Call the command, which must succeed, and return its JSON."""

    def say(*arguments: str) -> Any:
        assert call(small, *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return say


def cart(told: Any) -> Any:
    return next(share for share in told["shares"] if share["service"] == "cart")


def test_an_environment_is_explained_by_what_runs_there(small: SmallProduct, why: Any) -> None:
    told = why("SHOP-1", "staging")

    share = cart(told)
    assert (told["feature"]["state"], share["version"], share["have"], share["need"]) == ("partial", "1.1.0", 1, 2)
    assert told["place"].startswith("in staging, as observed ")
    assert [(item["why"], item["first"]) for item in share["items"]] == [
        ("in effect", "v1.0.0"),
        ("not in this version", "v1.0.1"),
    ]


def test_a_pick_that_only_another_version_holds_is_told(small: SmallProduct, why: Any) -> None:
    fix, pick = cart(why("SHOP-1"))["items"][1]["witnesses"]

    assert (fix["role"], fix["is_there"], fix["first"]) == ("change", True, "")
    assert (pick["role"], pick["is_there"], pick["first"]) == ("pick", False, "v1.0.1")
    assert pick["subject"] == "fix: round <b>gifts</b>"


@pytest.mark.parametrize("how", ["whole", "last part"])
def test_a_snapshot_is_explained_without_looking_at_the_environment(small: SmallProduct, why: Any, how: str) -> None:
    (tag,) = small.tags()
    (small.product / "ansible/staging.yml").unlink()

    told = why("SHOP-1", tag if how == "whole" else tag.rpartition("/")[2])

    assert (told["feature"]["state"], cart(told)["version"]) == ("partial", "1.1.0")
    assert "The snapshot says that it was complete when it was taken." in told["notes"]


def test_a_branch_of_the_product_is_explained_by_the_versions_that_it_keeps(small: SmallProduct, why: Any) -> None:
    text = (small.product / "reversion.yaml").read_text()
    source = "versions:\n  - {kind: mapping, files: [versions.yaml]}\n"
    files = {"reversion.yaml": f"{text}{source}", "versions.yaml": "cart: 1.0.1\npay: 1.0.0\nweb: 1.0.0\n"}
    small.git().commit("Keep versions", files)

    told = why("SHOP-1", "main")

    assert (told["feature"]["state"], cart(told)["version"]) == ("complete", "1.0.1")


def test_an_edited_revert_is_told_with_the_flag(small: SmallProduct, why: Any) -> None:
    git = cart_of(small)
    git.commit(f'Revert "feat: coupons"\n\nThis reverts commit {git.head("v1.1.0")}.', {"b.txt": "a part\n"})

    told = why("SHOP-2")

    (revert,) = cart(told)["items"][0]["witnesses"][1:]
    assert (told["feature"]["state"], told["feature"]["check"]) == ("withdrawn", True)
    assert (revert["role"], revert["counts"], revert["is_whole"]) == ("revert", True, False)


def test_a_service_that_can_not_be_read_makes_it_unknown_with_the_reason(small: SmallProduct, why: Any) -> None:
    (small.root / "staging-1/cart/VERSION").unlink()

    told = why("SHOP-1", "staging")

    assert told["feature"]["state"] == "unknown"
    assert "staging-1" in cart(told)["problem"]


def test_a_version_that_names_no_commit_makes_it_unknown_with_the_reason(small: SmallProduct, why: Any) -> None:
    small.run("staging", cart="7.7.7")

    assert "7.7.7: the repository has no tag" in cart(why("SHOP-1", "staging"))["problem"]


def test_a_history_that_is_gone_is_noted_and_what_the_snapshot_knew_of_it_is_unknown(
    small: SmallProduct, why: Any
) -> None:
    (small.directory / "cart").rename(small.directory / "gone")

    told = why("SHOP-1", small.tags()[0])

    assert told["feature"]["state"] == "unknown"
    assert any(note.startswith("Whether cart has a part of it is not known") for note in told["notes"])


def test_people_read_it_as_markdown_that_executes_nothing(
    small: SmallProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(small, "SHOP-1", "--offline") == 0

    text = capsys.readouterr().out
    assert "**complete** on the tracked branches." in text
    assert "has 2 of 2" in text
    assert "| picked: fix: round &lt;b&gt;gifts&lt;/b&gt; | not there | v1.0.1 |" in text


def test_a_key_of_a_catalogues_entry_leads_to_its_feature(small: SmallProduct, why: Any) -> None:
    text = (small.product / "reversion.yaml").read_text()
    assert "features:\n" in text
    entry = "schema: reversion.feature/1\nid: GIFTS\ntitle: All about gifts\nkeys: [SHOP-1]\n"
    files = {"reversion.yaml": text.replace("features:\n", "features:\n  catalogue: features/*.yaml\n")}
    small.git().commit("Describe", files | {"features/gifts.yaml": entry})

    assert why("SHOP-1", "staging")["feature"]["id"] == "GIFTS"


def test_an_unknown_feature_is_told_with_those_that_are_near(
    small: SmallProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(small, "shop-11") == 2
    assert "No feature named 'shop-11'. Near: SHOP-1" in capsys.readouterr().err


def test_an_unknown_place_is_told(small: SmallProduct, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(small, "SHOP-1", "stagin") == 2
    assert "Did you mean the environment 'staging'?" in capsys.readouterr().err
