"""`reversion show` tells what a snapshot says of features, and beside it what is judged of them now."""

import json
import subprocess
import sys

import pytest

from reversion.operations import tagging
from reversion.operations.workspace import open_workspace
from reversion.snapshot import TakenBy
from tests.gitbuilder import GitBuilder
from tests.small_product import SmallProduct, make_small_product


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SmallProduct:
    """Staging runs 1.1.0, and has a snapshot of that."""
    made = make_small_product(tmp_path_factory.mktemp("shown"), environments=("staging",))
    with made.at_home():
        workspace = open_workspace(str(made.product))
        request = tagging.Request(by=TakenBy(kind="person", name="Ana"))
        tagging.take(workspace, workspace.product.environment("staging"), request)
    made.keep()
    return made


def show(small: SmallProduct, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "reversion.cli", "-p", str(small.product), "show", small.tags()[0], *options]
    return subprocess.run(command, capture_output=True, text=True)


def row(shown: str, feature: str) -> list[str]:
    line = next(line.strip() for line in shown.splitlines() if line.strip().startswith(feature))
    return [cell.strip() for cell in line.split("  ")]


def test_what_is_judged_as_before_is_told_as_the_same(small: SmallProduct) -> None:
    assert row(show(small, "--offline").stdout, "SHOP-1")[-1] == "same"


def test_a_feature_that_has_grown_since_is_told_as_complete_then_and_partial_now(small: SmallProduct) -> None:
    GitBuilder(small.directory / "cart").commit("fix: round\n\nFeature: SHOP-1", {"round.txt": "1"})

    shown = row(show(small, "--offline").stdout, "SHOP-1")
    now = json.loads(show(small, "--offline", "--json").stdout)["now"]["SHOP-1"]

    assert "complete" in shown
    assert shown[-1] == "partial (cart 1/2, web 1/1)"
    assert now["state"] == "partial"


def test_a_history_that_can_not_be_read_makes_now_unknown_and_says_why(small: SmallProduct) -> None:
    (small.directory / "cart").rename(small.directory / "gone")

    done = show(small)

    assert row(done.stdout, "SHOP-1")[-1] == "unknown"
    assert "The features of cart are unknown" in done.stderr
    assert done.returncode == 0


def test_a_feature_that_was_not_named_then_is_told_as_not_recorded(small: SmallProduct) -> None:
    text = (small.product / "reversion.yaml").read_text()
    named = "{kind: line, names: [Feature]}"
    more = f"{named}\n    - {{kind: pattern, regex: 'feat: (?P<id>coupons)'}}"
    small.git().commit("Name coupons", {"reversion.yaml": text.replace(named, more)})

    shown = row(show(small, "--offline").stdout, "coupons")

    assert "not recorded" in shown
    assert shown[-1] == "complete (cart 1/1)"


@pytest.mark.parametrize("name", ["v1.0.0", "refs/tags/v1.0.0"])
def test_another_tag_of_the_product_is_told_as_what_it_is(small: SmallProduct, name: str) -> None:
    subprocess.run(["git", "-C", str(small.product), "tag", "v1.0.0"], check=True)
    command = [sys.executable, "-m", "reversion.cli", "-p", str(small.product), "show", name, "--offline"]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 2
    assert "v1.0.0 is a tag of the product, but no snapshot: Reversion did not make it." in done.stderr
    assert "Choose one from 'reversion snapshots'." in done.stderr
