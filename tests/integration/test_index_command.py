"""`reversion index`: brought up to date or rebuilt, by one process or two, and after one that was killed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpus import write_repository
from reversion.adapters.catalogue_store import Catalogue
from reversion.features.values import Feature
from reversion.operations.indexing import Indexed, bring_up_to_date
from reversion.operations.judging import study
from reversion.operations.workspace import open_workspace
from tests.gitbuilder import GitBuilder
from tests.integration.test_catalogue import rows
from tests.small_product import SERVICES, SmallProduct, make_small_product


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> SmallProduct:
    """The small product, whose catalogue is in an empty database of each kind."""
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REVERSION_CATALOGUE", url)
    return make_small_product(tmp_path)


def start(small: SmallProduct, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "reversion.cli", "-p", str(small.product), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return printed


def index(small: SmallProduct, *, rebuild: bool = False) -> dict[str, Indexed]:
    told = bring_up_to_date(open_workspace(str(small.product)), rebuild=rebuild)
    return {one.service: one for one in told}


def new(told: dict[str, Indexed]) -> dict[str, int]:
    return {service: one.new for service, one in told.items()}


def features(small: SmallProduct) -> tuple[Feature, ...]:
    """Judge what was released first, of which the index holds nothing before it is asked."""
    workspace = open_workspace(str(small.product))
    versions = dict.fromkeys(SERVICES, "1.0.0")
    studied = study(workspace, versions)
    return studied.resolver.features(studied.commits(versions))


def test_what_is_new_is_read_and_a_rebuild_reads_all(small: SmallProduct) -> None:
    first = index(small)
    GitBuilder(small.directory / "cart").commit("feat: stamps\n\nFeature: SHOP-9", {"c.txt": "3"})

    assert new(first) == {"cart": 2, "pay": 2, "web": 2}
    assert new(index(small)) == {"cart": 1, "pay": 0, "web": 0}
    assert new(index(small, rebuild=True)) == {"cart": 3, "pay": 2, "web": 2}
    assert new(index(small)) == {"cart": 0, "pay": 0, "web": 0}


def test_a_branch_that_was_forced_back_is_read_anew(small: SmallProduct) -> None:
    index(small)
    cart = GitBuilder(small.directory / "cart")
    cart.git("reset", "-q", "--hard", "v1.0.0")
    cart.commit("feat: stamps\n\nFeature: SHOP-9", {"c.txt": "3"})

    told = index(small)["cart"]

    assert (told.commits, told.new, told.features) == (2, 2, 2)


def test_a_repository_that_is_gone_is_told_and_the_rest_is_read(small: SmallProduct) -> None:
    (small.directory / "cart").rename(small.directory / "elsewhere")

    process = start(small, "index", "--json")
    told = json.loads(process.communicate(timeout=60)[0])

    assert process.returncode == 1
    assert [(one["service"], one["new"], "no Git repository" in one["problem"]) for one in told] == [
        ("cart", 0, True),
        ("pay", 2, False),
        ("web", 2, False),
    ]


def test_a_catalogue_that_cannot_keep_anything_is_an_error(
    small: SmallProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERSION_CATALOGUE", "sqlite:////nowhere/at/all.db")

    process = start(small, "index")

    assert "Check that its server runs" in process.communicate(timeout=60)[1]
    assert process.returncode == 3


def test_two_processes_index_at_once_and_tell_what_one_tells(small: SmallProduct, url: str) -> None:
    _make_large(small)

    for process in (start(small, "index"), start(small, "index"), start(small, "index", "--rebuild")):
        ended(process)
    after = features(small)

    assert new(index(small)) == {"cart": 0, "pay": 0, "web": 0}
    Catalogue(url, "small").index().forget()
    assert after == features(small)


def test_one_that_is_killed_half_way_leaves_what_it_finished_and_the_next_reads_the_rest(
    small: SmallProduct, url: str
) -> None:
    _make_large(small)
    file = small.product / "reversion.yaml"
    mirrored = file.read_text().replace("../pay", (small.directory / "pay").as_uri())
    small.git().commit("Mirror pay", {"reversion.yaml": mirrored})
    index(small)
    Catalogue(url, "small").index().forget()
    with _held(small) as lock:
        process = start(small, "index")
        _wait_until(lambda: rows(url, "reversion_source") == 2)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert lock

    assert process.returncode == -signal.SIGKILL
    assert {name for name, count in new(index(small)).items() if count} == {"pay"}
    after = features(small)
    Catalogue(url, "small").index().forget()
    assert after == features(small)


def test_killed_at_any_moment_it_never_keeps_half_of_a_repository(small: SmallProduct, url: str) -> None:
    _make_large(small)
    full = {name: one.commits for name, one in index(small).items()}
    killed = 0
    for moment in (0.1, 0.4):
        Catalogue(url, "small").index().forget()
        process = start(small, "index")
        _wait_until(lambda process=process: process.stderr and process.stderr.readline())
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=60)
        killed += process.returncode == -signal.SIGKILL

    told = index(small)

    assert killed
    assert {name: one.commits for name, one in told.items()} == full
    assert all(one.new in (0, one.commits) for one in told.values())


def _make_large(small: SmallProduct) -> None:
    """Give each service 2,000 commits more."""
    for seed, name in enumerate(("cart", "pay", "web")):
        path = small.directory / name
        write_repository(path, 2000, seed, range(1, 121), start=1)


@contextmanager
def _held(small: SmallProduct) -> Iterator[bool]:
    """Keep everybody from fetching into the mirror, which is how a slow remote looks."""
    (mirror,) = (small.directory / "home" / "small" / "mirrors").glob("*.git")
    with mirror.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield True


def _wait_until(is_true: Any) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)
