"""The catalogue remembers what was seen, in SQLite and in PostgreSQL alike, and can be built again."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from reversion.adapters.catalogue import open_catalogue
from reversion.adapters.catalogue_store import KEPT_JUDGEMENTS, KEPT_OBSERVATIONS, Catalogue
from reversion.environment import Instance, Observation
from reversion.errors import ServerFailed, SnapshotInvalid
from reversion.features.values import Feature, Part, State
from tests.builders import NOON, a_snapshot, an_observation


def a_feature(name: str = "SHOP-42", **given) -> Feature:
    parts = (Part(service="cart", have=1, need=2), Part(service="stock", have=0, need=1, unknown=True))
    return Feature(**{"id": name, "title": "Gift cards", "state": State.PARTIAL, "parts": parts} | given)


def test_the_latest_observation_is_read_back_the_same(url):
    catalogue = Catalogue(url, "shop")
    older = an_observation(cart="1.0.0")
    newer = Observation(
        environment="staging",
        taken_at=NOON + timedelta(seconds=1),
        instances=(
            Instance(service="cart", host="one", version="1.10"),
            Instance(service="cart", host="two", problem="connection refused"),
        ),
    )

    catalogue.record_observation(newer)
    catalogue.record_observation(older)

    assert catalogue.latest_observation("staging") == newer
    assert catalogue.latest_observation("live") is None


def test_the_latest_judgement_is_read_back_the_same_and_in_order(url):
    catalogue = Catalogue(url, "shop")
    features = (a_feature("SHOP-42", kind="security", owner="team", url="https://x"), a_feature("A-1"))

    catalogue.record_features("staging", (a_feature("OLD-1"),), NOON)
    catalogue.record_features("staging", features, NOON + timedelta(minutes=1), run="7f")

    assert catalogue.latest_features("staging") == features
    assert catalogue.judged_at("staging") == NOON + timedelta(minutes=1)
    assert catalogue.latest_features("live") == ()
    assert catalogue.judged_at("live") is None


def test_text_that_a_database_cannot_hold_is_made_plain(url):
    catalogue = Catalogue(url, "shop")
    seen = Instance(service="cart", host="one", problem="nul\x00 half\ud800")

    catalogue.record_observation(Observation(environment="staging", taken_at=NOON, instances=(seen,)))
    catalogue.record_features("staging", (a_feature(title="nul\x00"),), NOON)

    assert catalogue.latest_observation("staging").instances[0].problem == "nul half"
    assert catalogue.latest_features("staging")[0].title == "nul"


def test_products_in_one_database_do_not_see_each_other(url):
    Catalogue(url, "shop").record_observation(an_observation(cart="1.0.0"))

    assert Catalogue(url, "bank").latest_observation("staging") is None


def test_only_the_newest_records_are_kept(url, monkeypatch):
    monkeypatch.setattr("reversion.adapters.catalogue_store.KEPT_OBSERVATIONS", 2)
    monkeypatch.setattr("reversion.adapters.catalogue_store.KEPT_JUDGEMENTS", 2)
    catalogue = Catalogue(url, "shop")
    for minute in range(4):
        at = NOON + timedelta(minutes=minute)
        catalogue.record_observation(an_observation(cart=f"1.{minute}").model_copy(update={"taken_at": at}))
        catalogue.record_features("staging", (a_feature(title=f"{minute}"),), at)

    assert rows(url, "reversion_observation") == rows(url, "reversion_instance") == 2
    assert rows(url, "reversion_judgement") == rows(url, "reversion_feature") == 2
    assert catalogue.latest_observation("staging").instances[0].version == "1.3"
    assert min(KEPT_OBSERVATIONS, KEPT_JUDGEMENTS) >= 50


def rows(url: str, table: str) -> int:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608


def test_a_snapshot_seen_again_is_the_same_or_was_moved(url):
    recorded = a_snapshot({"cart": "1.0.0"})
    Catalogue(url, "shop").remember(recorded)
    Catalogue(url, "shop").remember(recorded)

    with pytest.raises(SnapshotInvalid, match="was moved: it was object dddddddddddd when first seen on"):
        Catalogue(url, "shop").remember(recorded.model_copy(update={"tag_object": "e" * 40}))
    Catalogue(url, "bank").remember(recorded.model_copy(update={"tag_object": "e" * 40}))


def test_many_may_open_and_write_an_empty_catalogue_at_once(url):
    recorded = a_snapshot({"cart": "1.0.0"})

    def use(number: int) -> None:
        catalogue = Catalogue(url, "shop")
        catalogue.remember(recorded)
        catalogue.record_observation(an_observation(cart=f"1.{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))

    assert rows(url, "reversion_observation") == 8
    assert rows(url, "reversion_snapshot") == 1


def test_a_catalogue_of_another_reversion_is_refused(tmp_path):
    Catalogue(f"sqlite:///{tmp_path / 'c.db'}")
    with sqlite3.connect(tmp_path / "c.db") as connection:
        connection.execute("UPDATE reversion_schema SET version = version + 1")

    with pytest.raises(ServerFailed, match=r"was made by another Reversion\. It may be deleted"):
        Catalogue(f"sqlite:///{tmp_path / 'c.db'}")


@pytest.mark.parametrize("damage", [b"garbage" * 1000, None], ids=["no database", "overwritten in the middle"])
def test_a_damaged_catalogue_may_be_deleted(tmp_path, damage):
    place = tmp_path / "catalogue.db"
    catalogue = Catalogue(f"sqlite:///{place}", "shop")
    catalogue.record_features("staging", tuple(a_feature(f"A-{n}") for n in range(500)), NOON)
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for rest in tmp_path.glob("catalogue.db-*"):
        rest.unlink()
    content = place.read_bytes()
    place.write_bytes(damage or content[:4096] + b"\xff" * (len(content) - 4096))

    with pytest.raises(ServerFailed, match="It may be deleted: Git and the run history are the truth"):
        Catalogue(f"sqlite:///{place}", "shop").latest_features("staging")


def test_a_deleted_catalogue_is_made_again(tmp_path):
    catalogue = open_catalogue(tmp_path)
    catalogue.record_observation(an_observation(cart="1.0.0"))
    for rest in tmp_path.glob("catalogue.db*"):
        rest.unlink()

    assert open_catalogue(tmp_path).latest_observation("staging") is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param("postgresql://bot:hunter2@127.0.0.1:1/x", "127.0.0.1:1/x failed", id="no server"),
        pytest.param("what", "is no database URL", id="no URL"),
        pytest.param("oracle+oracledb://x/y", "oracledb, which is not installed", id="no driver"),
        pytest.param("sqlite:////nowhere/at/all.db", "unable to open", id="no folder"),
    ],
)
def test_what_cannot_be_opened_is_told_without_a_password(url, told):
    with pytest.raises(ServerFailed) as caught:
        Catalogue(url)

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_catalogue_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERSION_CATALOGUE", f"sqlite:///{tmp_path / 'elsewhere.db'}")

    open_catalogue(tmp_path / "shop").record_observation(an_observation(cart="1"))

    assert (tmp_path / "elsewhere.db").is_file()


def test_naming_the_catalogue_does_not_load_a_database():
    code = "import sys, reversion.adapters.catalogue; print('sqlmodel' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
