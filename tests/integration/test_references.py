"""What a product was at a commit, tag, branch or snapshot is judged and compared in features."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters.catalogue_store import Catalogue
from reversion.cli import main
from reversion.operations import tagging
from reversion.operations.workspace import open_workspace
from reversion.snapshot import TakenBy
from tests.gitbuilder import GitBuilder
from tests.small_product import SmallProduct, make_small_product

OLD, NEW = "cart: 1.0.0\npay: 1.0.0\nweb: 1.0.0\n", "cart: 1.1.0\npay: 1.1.0\nweb: 1.1.0\n"
MAPPING = "  - {kind: mapping, files: [versions.yaml]}\n"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProduct:
    """A product whose v1 and v2 are from before it had a product file that says where versions are."""
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    made = make_small_product(tmp_path)
    described = (made.product / "reversion.yaml").read_text()
    git = made.git()
    git.remove("Begin without a product file", "reversion.yaml")
    git.commit("Release one", {"versions.yaml": OLD})
    git.tag("v1")
    git.commit("Release two", {"versions.yaml": NEW})
    git.tag("v2", message="two")
    git.commit("Describe the product", {"reversion.yaml": described})
    return made


def keeping(small: SmallProduct, sources: str = MAPPING) -> SmallProduct:
    """Say in the product file where versions are, and commit that."""
    text = (small.product / "reversion.yaml").read_text()
    small.git().commit("Say where versions are", {"reversion.yaml": f"{text}versions:\n{sources}"})
    return small


def call(small: SmallProduct, *arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(["--product", str(small.product), *arguments])
    return int(exit.value.code or 0)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Call a command that must succeed, and return its JSON and what it noted."""

    def say(small: SmallProduct, *arguments: str) -> tuple[Any, str]:
        assert call(small, *arguments, "--json") == 0
        out, notes = capsys.readouterr()
        return json.loads(out), notes

    return say


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    """Call a command that must refuse, and return what it said."""

    def refuse(small: SmallProduct, *arguments: str) -> str:
        assert call(small, *arguments) == 2
        return capsys.readouterr().err

    return refuse


def states(features: list[dict[str, Any]]) -> dict[str, str]:
    return {feature["id"]: feature["state"] for feature in features}


def groups(found: dict[str, Any]) -> dict[str, list[str]]:
    named = {group: [change["feature"]["id"] for change in changes] for group, changes in found["features"].items()}
    return {group: ids for group, ids in named.items() if ids}


def ways(found: dict[str, Any]) -> dict[str, str]:
    return {service["service"]: service["direction"] for service in found["services"]}


def test_features_are_judged_at_a_tag_from_before_reversion_was_there(small, said):
    keeping(small)

    assert states(said(small, "features", "--at", "v1")[0]) == {
        "SHOP-1": "complete",
        "SHOP-2": "absent",
        "SHOP-3": "absent",
        "SHOP-4": "complete",
    }
    assert set(states(said(small, "features", "--at", "v2")[0]).values()) == {"complete"}


@pytest.mark.parametrize("spell", [lambda git: git.head("v1"), lambda git: git.head("v1")[:9], lambda _: "old"])
def test_a_commit_is_named_by_id_or_branch_too(small, said, spell):
    small.git().git("branch", "old", "v1")
    keeping(small)

    assert states(said(small, "features", "--at", spell(small.git()))[0])["SHOP-2"] == "absent"


def test_a_branch_that_only_the_remote_has_is_found(small, said, tmp_path):
    keeping(small).git().git("branch", "release/1", "v1")
    mine = tmp_path / "mine"
    small.git().git("clone", "-q", str(small.product), str(mine))

    with pytest.raises(SystemExit) as exit:
        main(["--product", str(mine), "features", "--at", "release/1"])

    assert not exit.value.code


def test_comparing_tells_what_is_lost_and_where_each_service_goes(small, said):
    found, notes = said(keeping(small), "compare", "v2", "v1")

    assert groups(found) == {"lost": ["SHOP-3", "SHOP-2"], "kept": ["SHOP-1", "SHOP-4"]}
    assert ways(found) == {"cart": "back", "pay": "back", "web": "back"}
    assert found["before"]["commit"] == small.git().head("v2")
    assert found["before"]["services"]["cart"] == {
        "version": "1.1.0",
        "commit": GitBuilder(small.directory / "cart").head("v1.1.0"),
        "problem": "",
    }
    assert (found["notes"], notes) == ([], "")


def test_comparing_prints_the_words_of_the_review(small, capsys):
    assert call(keeping(small), "compare", "v1", "v2") == 0
    out = capsys.readouterr().out

    assert [line.split()[:2] for line in out.splitlines() if line.strip().startswith("regained")] == [
        ["regained", "SHOP-3"],
        ["regained", "SHOP-2"],
    ]
    assert "Kept: 2 features stay as they are." in out
    assert "forward 1 commit" in out


def test_a_service_comes_and_goes_with_the_list(small, said):
    small.git().commit("Release three", {"versions.yaml": "cart: 1.1.0\npay: 1.1.0\n"})
    small.git().tag("v3")
    found, _ = said(keeping(small), "compare", "v2", "v3")

    assert ways(found) == {"cart": "same", "pay": "same", "web": "removed"}
    assert groups(found)["made_partial"] == ["SHOP-1"]
    assert found["notes"] == ["v3: not named there, so taken as not running: web."]


def test_a_version_that_names_no_commit_makes_features_unknown_and_says_why(small, said):
    small.git().commit("Release three", {"versions.yaml": "cart: 7.7.7\npay: 1.1.0\nweb: '{{ tag }}'\nredis: 7\n"})
    small.git().tag("v3")

    found, notes = said(keeping(small), "features", "--at", "v3")

    assert states(found) == {"SHOP-1": "unknown", "SHOP-2": "unknown", "SHOP-3": "complete", "SHOP-4": "complete"}
    assert "v3: cart is unknown: cart 7.7.7: the repository has no tag '7.7.7' or tag 'v7.7.7'" in notes
    assert (
        f"v3: web is unknown: versions.yaml at {small.git().head('v3')[:10]}, line 3, web: '{{{{ tag }}}}'" in notes
    )
    assert "v3: no services of the product, so left out: redis." in notes


def test_a_history_that_can_not_be_read_is_told_once_and_stops_nothing(small, said):
    (small.directory / "cart").rename(small.directory / "cart.gone")

    found, notes = said(keeping(small), "features", "--at", "v2")

    assert states(found)["SHOP-3"] == "complete"
    assert notes.count("The features of cart are unknown: ") == 1


def test_submodules_are_judged_at_the_commits_that_they_stand_at(small, said):
    git = small.git()
    for tag in ("v1.0.0", "v1.1.0"):
        for name in ("cart", "pay", "web"):
            commit = GitBuilder(small.directory / name).head(tag)
            git.git("update-index", "--add", "--cacheinfo", f"160000,{commit},services/{name}")
        git.commit(f"Take {tag}")
        git.tag(f"all-{tag}")
    keeping(small, "  - {kind: submodules}\n")

    found, _ = said(small, "compare", "all-v1.1.0", "all-v1.0.0")

    assert groups(found)["lost"] == ["SHOP-3", "SHOP-2"]
    assert set(ways(found).values()) == {"back"}
    assert found["after"]["services"]["cart"]["commit"] == GitBuilder(small.directory / "cart").head("v1.0.0")


def test_a_submodule_at_a_commit_that_nobody_pushed_is_unknown(small, said):
    small.git().git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},cart")
    small.git().commit("Take a lost commit")
    small.git().tag("lost")

    found, notes = said(keeping(small, "  - {kind: submodules}\n"), "features", "--at", "lost")

    assert states(found)["SHOP-2"] == "unknown"
    assert "and no commit of that id." in notes


@pytest.fixture
def folders(small: SmallProduct) -> SmallProduct:
    """Staging is ahead of live, each in its own folder."""
    small.git().commit("Deploy", {"deploy/staging/versions.yaml": NEW, "deploy/live/versions.yaml": OLD})
    return keeping(small, "  - {kind: mapping, files: ['deploy/{environment}/versions.yaml']}\n")


def test_an_environment_and_a_commit_are_judged_together(folders, said):
    assert states(said(folders, "features", "live", "--at", "main")[0])["SHOP-2"] == "absent"
    assert states(said(folders, "features", "staging", "--at", "main")[0])["SHOP-2"] == "complete"


def test_two_environments_are_compared_at_commits(folders, said):
    found, _ = said(folders, "compare", "live:main", "staging:main")

    assert groups(found)["regained"] == ["SHOP-3", "SHOP-2"]
    assert (found["before"]["environment"], found["after"]["environment"]) == ("live", "staging")


def test_without_an_environment_it_is_asked_for(folders, refused):
    found = refused(folders, "features", "--at", "main")

    assert "others in each environment" in found
    ways = "features ENV --at main, why FEATURE ENV:main, or compare ENV:main ..."
    assert f"Name one of staging, uat, live: {ways}" in found
    assert "No environment named 'prod'" in refused(folders, "compare", "prod:main", "main")
    assert "Name an environment (staging, uat, live)" in refused(folders, "features")


def test_an_environment_that_has_nothing_at_a_commit_is_not_sent_to_the_file_of_another(folders, refused):
    found = refused(folders, "features", "uat", "--at", "main")

    assert "no deploy/uat/versions.yaml: nothing there says what uat ran" in found
    assert "Did you mean" not in found


def test_an_environment_that_makes_no_difference_is_told(small, said):
    assert (
        "v1: the versions there are the same for every environment."
        in said(keeping(small), "features", "live", "--at", "v1")[1]
    )


def test_a_snapshot_has_its_own_versions(small, said, refused):
    workspace = open_workspace(str(small.product))
    live = workspace.product.environment("live")
    tag = tagging.take(workspace, live, tagging.Request(by=TakenBy(kind="person", name="Ana"))).recorded.tag
    keeping(small)

    assert states(said(small, "features", "--at", tag)[0])["SHOP-2"] == "absent"
    assert groups(said(small, "compare", "v2", tag)[0])["lost"] == ["SHOP-3", "SHOP-2"]
    assert f"{tag} is a snapshot of live, not of staging." in refused(small, "features", "staging", "--at", tag)
    assert "No snapshot of live is verified" in refused(small, "features", "live", "--at", "latest-verified")
    assert "No snapshot of live is verified" in refused(small, "compare", "live/latest-verified", "v1")
    assert "has no commit, tag or branch 'latest-verified'" in refused(small, "features", "--at", "latest-verified")


def test_without_sources_it_says_what_to_write(small, refused):
    assert "Write it there, e.g. 'versions: [{kind: mapping, files: [versions.yaml]}]'" in refused(
        small, "features", "--at", "v1"
    )


def test_before_there_was_a_file_it_says_so(small, refused):
    first = small.git().git("rev-list", "--max-parents=0", "HEAD")

    assert f"The product's commit {first[:10]} has no versions.yaml." in refused(
        keeping(small), "compare", first, "v1"
    )


@pytest.mark.parametrize(
    "reference", ["v9", "--output=x", "-x", "v1^{/x}", "v1..v2", "main@{1}", "a\nb", "$(id)", ""]
)
def test_what_names_nothing_is_refused_before_git_sees_it(small, refused, tmp_path, reference):
    found = refused(keeping(small), "features", f"--at={reference}")

    assert found.startswith("reversion: The product has no commit, tag or branch '")
    assert not list(tmp_path.rglob("x"))


def test_nothing_is_checked_out_or_taken_for_what_runs(small, said):
    before = subprocess.run(["git", "status", "--porcelain"], cwd=small.product, capture_output=True, text=True)
    said(keeping(small), "features", "staging", "--at", "v1")
    said(small, "compare", "v1", "v2")
    after = subprocess.run(["git", "status", "--porcelain"], cwd=small.product, capture_output=True, text=True)

    assert before.stdout == after.stdout == ""
    assert small.git().git("tag").split() == ["v1", "v2"]
    catalogue = Catalogue(f"sqlite:///{small.directory / 'home/small/catalogue.db'}", "small")
    assert catalogue.latest_observation("staging") is None
    assert catalogue.judged_at("staging") is None
