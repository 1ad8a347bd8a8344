"""The snapshot to go back to is found by what it has and lacks, against what really runs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reversion.cli import main
from reversion.features.values import Part, State
from reversion.operations import finding, reviewing
from reversion.operations.workspace import open_workspace
from reversion.snapshot import Snapshot, SnapshotFeature, SnapshotService, TakenBy, compose
from tests.small_product import SERVICES, SmallProduct, make_small_product

ALL = {"SHOP-1": ("cart", "web"), "SHOP-2": ("cart",), "SHOP-3": ("pay",), "SHOP-4": ("pay",)}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProduct:
    """Staging runs 1.1.0 everywhere, which has all four features."""
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))
    return make_small_product(tmp_path, environments=("staging",))


def tagged(small: SmallProduct, days_ago: int, *there: str, verified: bool | None = True, version: str = "") -> str:
    """Record a snapshot of staging by hand; versions are its own unless one is given."""
    workspace = open_workspace(str(small.product))
    head = small.git().head()
    snapshot = Snapshot(
        product="small",
        environment="staging",
        taken_at=datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago),
        taken_by=TakenBy(kind="schedule", name="nightly"),
        product_commit=head,
        conventions=workspace.product.features.conventions_digest(),
        verified=verified,
        complete=True,
        services={
            name: SnapshotService(version=version or f"0.{days_ago}", commit=small_commit(small, name))
            for name in SERVICES
        },
        features={name: a_feature(name, is_there=name in there) for name in ALL},
    )
    name, message = compose(snapshot)
    small.git().git("tag", "-a", "--cleanup=verbatim", "-F", "-", name, head, stdin=message)
    return name


def a_feature(name: str, *, is_there: bool) -> SnapshotFeature:
    return SnapshotFeature(
        title=name,
        kind="security" if name == "SHOP-3" else "feature",
        state=State.COMPLETE if is_there else State.ABSENT,
        parts=tuple(Part(service=service, have=int(is_there), need=1) for service in ALL[name]),
    )


def small_commit(small: SmallProduct, service: str) -> str:
    return small.git().git("-C", str(small.directory / service), "rev-parse", "v1.0.0").strip()


def found(capsys: pytest.CaptureFixture[str], small: SmallProduct, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["--product", str(small.product), "find", "staging", *arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_bad_feature_is_gone_and_least_is_lost(small: SmallProduct, capsys: pytest.CaptureFixture[str]):
    few = tagged(small, 3, "SHOP-1", "SHOP-4", "SHOP-3")
    fewer = tagged(small, 2, "SHOP-1", "SHOP-4", "SHOP-3", version="0.9")
    insecure = tagged(small, 1, "SHOP-1", "SHOP-4")
    tagged(small, 0, *ALL, version="1.1.0")

    code, out, err = found(capsys, small, "--without", "SHOP-2", "--with", "SHOP-4", "--verified", "--json")

    ranked = json.loads(out)["found"]
    assert code == 0
    assert [one["tag"] for one in ranked] == [fewer, few, insecure]
    assert (ranked[0]["lost"], ranked[2]["security"]) == (["SHOP-2"], ["SHOP-3"])
    assert ranked[0]["services"] == ["cart", "pay", "web"]
    assert err == ""


def test_the_table_counts_and_says_what_was_left_out_and_how_to_go_on(
    small: SmallProduct, capsys: pytest.CaptureFixture[str]
):
    best = tagged(small, 1, "SHOP-1", "SHOP-3", "SHOP-4")
    tagged(small, 2, "SHOP-1", "SHOP-4")
    tagged(small, 3, "SHOP-1")
    small.git().tag("reversion/staging/2026-01-01T00-00-00Z-0123456789ab", message="by hand")

    code, out, err = found(capsys, small, "--count", "1", "--look-at", "2")

    assert code == 0
    assert next(line for line in out.splitlines() if best in line).split()[1:] == ["yes", "yes", *"10000", "3"]
    assert "The first one takes away: SHOP-2." in out
    assert "can't be told" not in out
    assert f"Review it: reversion plan staging {best}" in out
    assert "1 more fit; '--count' shows them." in err
    assert "2 older snapshots were not looked at; '--look-at' does." in err


def test_older_ones_than_asked_for_are_not_looked_at(small: SmallProduct, capsys: pytest.CaptureFixture[str]):
    new = tagged(small, 1, "SHOP-1")
    tagged(small, 9, *ALL)
    since = datetime.now(UTC) - timedelta(days=5)

    ranking = json.loads(found(capsys, small, "--since", f"{since:%Y-%m-%d}", "--json")[1])

    assert [one["tag"] for one in ranking["found"]] == [new]
    assert (ranking["looked_at"], ranking["older"]) == (1, 0)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    code, _, err = found(capsys, small, "--since", f"{tomorrow:%Y-%m-%d}")
    assert (code, "no snapshot of staging to look at" in err) == (1, True)


def test_where_none_fits_the_answer_is_no(small: SmallProduct, capsys: pytest.CaptureFixture[str]):
    tagged(small, 1, *ALL, verified=False)

    code, out, err = found(capsys, small, "--verified")

    assert (code, out) == (1, "")
    assert "Of 1 snapshot of staging none fits." in err


def test_a_feature_that_nobody_knows_is_wrong_use(small: SmallProduct, capsys: pytest.CaptureFixture[str]):
    tagged(small, 1, *ALL)

    code, _, err = found(capsys, small, "--without", "SHOP-99")

    assert code == 2
    assert "No feature named 'SHOP-99'" in err


def test_broken_tags_are_counted(small: SmallProduct, capsys: pytest.CaptureFixture[str]):
    tagged(small, 1, "SHOP-1")
    small.git().tag("reversion/staging/2026-01-01T00-00-00Z-0123456789ab", message="by hand")

    assert "1 can't be used; 'reversion snapshots staging' says why." in found(capsys, small)[2]


def test_a_nearer_snapshot_is_a_hint_and_no_part_of_the_plan(small: SmallProduct):
    chosen = tagged(small, 5, "SHOP-1", "SHOP-4", version="1.0.0")
    plan = reviewing.review(open_workspace(str(small.product)), "staging", chosen)
    assert finding.find_nearer(open_workspace(str(small.product)), plan) is None

    newer = tagged(small, 2, "SHOP-1", "SHOP-3", "SHOP-4")
    opened = open_workspace(str(small.product))
    hint = finding.find_nearer(opened, plan)

    assert hint is not None
    assert (hint.tag, hint.losses) == (newer, ("SHOP-2",))
    assert reviewing.review(opened, "staging", chosen).digest == plan.digest
