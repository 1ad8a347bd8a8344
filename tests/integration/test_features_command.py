"""`reversion features` and `board` say why what they call unknown is so."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gitbuilder import GitBuilder
from tests.small_product import SmallProduct, make_small_product


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProduct:
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    return make_small_product(tmp_path, environments=("staging",))


def asked(small: SmallProduct, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "reversion.cli", "-p", str(small.product), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_each_reason_why_features_are_unknown_is_told_once(small: SmallProduct) -> None:
    (small.directory / "cart").rename(small.directory / "elsewhere")
    small.run("staging", pay="$(id)", web="7.7.7")

    for told in (asked(small, "features", "staging"), asked(small, "board")):
        assert told.returncode == 0
        assert told.stderr.count("The features of cart are unknown: The repository of cart can't be read") == 1
        assert told.stderr.count("staging: which pay runs is unknown: staging-1: not a version: '$(id)'") == 1
        assert told.stderr.count("staging: web 7.7.7: the repository has no tag") == 1


def test_a_shallow_clone_is_told_with_what_to_do(small: SmallProduct) -> None:
    full = small.directory / "full"
    (small.directory / "cart").rename(full)
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", full.as_uri(), str(small.directory / "cart")],
        check=True,
        capture_output=True,
    )

    told = asked(small, "features", "staging").stderr

    assert "cart is a shallow clone" in told
    assert "git fetch --unshallow" in told


def test_nothing_is_said_where_all_is_known(small: SmallProduct) -> None:
    assert asked(small, "features", "staging").stderr == ""


def test_a_truncated_repository_is_told_and_hides_no_feature(small: SmallProduct) -> None:
    asked(small, "features", "staging")
    cart = GitBuilder(small.directory / "cart")
    lost = cart.head("v1.0.0")
    cart.commit("chore: more", {"more": "1"})
    file = cart.path / ".git" / "objects" / lost[:2] / lost[2:]
    file.chmod(0o644)
    file.write_bytes(b"")
    shutil.rmtree(small.directory / "home")

    told = asked(small, "features", "staging")

    assert told.returncode == 0
    assert "The features of cart are unknown: " in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("is_fake", [False, True])
def test_a_revert_that_takes_nothing_back_cannot_hide_that_a_service_has_a_part(
    small: SmallProduct, is_fake: bool
) -> None:
    web = GitBuilder(small.directory / "web")
    if is_fake:
        web.commit(f"feat: unrelated\n\nThis reverts commit {web.head('v1.0.0')}.\n", {"c.txt": "3"})
    else:
        web.revert("v1.0.0")
    web.tag("v1.2.0")
    small.run("staging", web="1.2.0")

    shown = asked(small, "features", "staging").stdout
    planned = _plan(small)

    line = next(line for line in shown.splitlines() if "SHOP-1 " in line)
    assert " complete " in line
    assert (" complete (check) " in line) is is_fake
    assert planned["check"] is is_fake


def _plan(small: SmallProduct) -> dict[str, Any]:
    """Return SHOP-1 as the review has it, where web goes back from 1.2.0 to 1.1.0."""
    small.run("staging", web="1.1.0")
    asked(small, "snapshot", "staging")
    small.run("staging", web="1.2.0")
    plan = json.loads(asked(small, "plan", "staging", small.tags()[-1], "--json").stdout)["plan"]
    changes = [change for group in plan["comparison"].values() for change in group]
    return next(change["feature"] for change in changes if change["feature"]["id"] == "SHOP-1")
