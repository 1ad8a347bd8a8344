"""`reversion snapshots` and `reversion show` tell what there is, fast, and call a broken tag broken."""

import json
import resource
import subprocess
import sys

import pytest

from reversion.features.values import Part, State
from reversion.snapshot import SnapshotFeature, compose
from tests.builders import a_snapshot
from tests.gitbuilder import GitBuilder
from tests.integration.test_documents import GOOD
from tests.small_product import make_small_product

FILES = {"reversion.yaml": GOOD, "ansible/staging/hosts": "", "ansible/live/hosts": "", "ansible/restore.yml": ""}
BROKEN = "reversion/staging/2026-12-01T00-00-00Z-aaaaaaaaaaaa"


@pytest.fixture
def product(tmp_path, monkeypatch) -> GitBuilder:
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    builder = GitBuilder(tmp_path / "product")
    builder.commit("Describe the product", FILES)
    return builder


def tagged(product: GitBuilder, **given) -> str:
    parts = (Part(service="catalog", have=1, need=2),)
    features = {
        "SHOP-1": SnapshotFeature(title="Gift cards", state=State.PARTIAL, parts=parts),
        "SHOP-2": SnapshotFeature(title="Search", state=State.COMPLETE),
    }
    given = {"product_commit": product.head(), "features": features, "label": "2026.11.3"} | given
    name, message = compose(a_snapshot({"catalog": "1.10"}, **given).snapshot)
    product.git("tag", "-a", "--cleanup=verbatim", "-F", "-", name, stdin=message)
    return name


def run(product: GitBuilder, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "reversion.cli", "-p", str(product.path), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_table_tells_label_proof_and_features_by_state(product):
    name = tagged(product)

    row = next(line for line in run(product, "snapshots").stdout.splitlines() if name in line)

    assert row.split() == [
        *(name, "2026.11.3", "2026-11-23", "12:00", "yes", "yes", "1"),
        *("1", "complete,", "1", "partial", "nightly"),
    ]


def test_a_broken_tag_is_listed_with_the_reason(product):
    product.tag(BROKEN)

    assert "broken: is no annotated tag" in run(product, "snapshots", "staging").stdout


def test_json_holds_whole_snapshots_and_nothing_else_is_printed(product):
    name = tagged(product)
    product.tag(BROKEN)

    found = json.loads(run(product, "snapshots", "staging", "--json").stdout)

    assert [one["tag"] for one in found] == [BROKEN, name]
    assert found[1]["snapshot"]["services"]["catalog"]["version"] == "1.10"


def test_without_snapshots_the_next_command_is_told(product):
    done = run(product, "snapshots", "live")

    assert (done.stdout, done.returncode) == ("", 0)
    assert "Take one: reversion snapshot live" in done.stderr


def test_an_unknown_environment_names_the_known_ones(product):
    done = run(product, "snapshots", "prod")

    assert done.returncode == 2
    assert "No environment named 'prod'. Known: staging, live." in done.stderr


def test_a_tag_moved_at_the_remote_is_told_and_the_rest_still_listed(product, tmp_path):
    name = tagged(product)
    product.git("clone", "-q", "--bare", str(product.path), str(tmp_path / "remote"))
    product.git("remote", "add", "origin", str(tmp_path / "remote"))
    product.commit("Evil")
    subprocess.run(["git", "-C", str(tmp_path / "remote"), "tag", "-d", name], check=True, capture_output=True)
    subprocess.run(["git", "-C", str(tmp_path / "remote"), "tag", name], check=True)

    done = run(product, "snapshots")

    assert name in done.stdout
    assert "no longer names the snapshot that was recorded" in done.stderr
    assert done.returncode == 1
    assert run(product, "snapshots", "--offline").returncode == 0


@pytest.mark.parametrize("how", ["whole", "last part", "label"])
def test_a_snapshot_is_shown_by_name_part_or_label(product, how):
    name = tagged(product)
    text = {"whole": name, "last part": name.rpartition("/")[2], "label": "staging/latest-verified"}[how]

    shown = run(product, "show", text).stdout

    assert name in shown
    assert "catalog 1/2" in shown
    assert json.loads(run(product, "show", text, "--json").stdout)["tag"] == name


def test_a_tag_that_was_replaced_since_it_was_shown_is_refused(product):
    name = tagged(product)
    assert run(product, "show", name).returncode == 0
    message, head = product.git("cat-file", "tag", name).split("\n\n", 1)[1], product.head()
    product.commit("A minute later")
    product.git("tag", "-f", "-a", "--cleanup=verbatim", "-F", "-", name, head, stdin=message + "\n")

    done = run(product, "show", name)

    assert done.returncode == 2
    assert "was moved: it was object" in done.stderr


def test_an_unknown_snapshot_names_the_newest(product):
    name = tagged(product)

    assert f"No snapshot named 'v1.8'. Known: {name}." in run(product, "show", "v1.8").stderr


def test_the_list_costs_little_with_ten_thousand_snapshots(product):
    name, head = tagged(product), product.head()
    names = [f"reversion/staging/20{n // 500:02}-01-01T00-00-00Z-{n:012x}" for n in range(10_000)]
    product.git(
        "fast-import",
        "--quiet",
        stdin="".join(f"tag {n}\nfrom {head}\ntagger A <a@b> 1700000000 +0000\ndata 1\nx\n" for n in names),
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    done = run(product, "snapshots", "staging")

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert name in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5


@pytest.mark.parametrize("module", ["snapshots", "init"])
def test_the_heavy_machinery_is_not_loaded(module):
    heavy = ("prefect", "ansible", "ansible_runner", "sqlmodel")
    code = f"import sys, reversion.commands.{module}; print([m for m in {heavy} if m in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_snapshot_whose_tests_fail_is_taken_and_told_as_not_verified(tmp_path):
    small = make_small_product(tmp_path, environments=("staging",))
    (small.root / "red").touch()
    with small.at_home():
        taken = run(small.git(), "snapshot", "staging", "--test")

    assert taken.returncode == 1
    assert taken.stdout.startswith("reversion/staging/")
    assert "The snapshot is there, but not verified: production tests failed." in taken.stderr
