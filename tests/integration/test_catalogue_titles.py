"""What trackers said is kept in the catalogue, in SQLite and in PostgreSQL alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from reversion.adapters.catalogue_titles import Kept, TitleCache
from reversion.features.titles import Title
from tests.builders import NOON

GIFTS = Title(title="Gift cards", kind="fix", url="https://jira.example/browse/SHOP-1", status="Done")
JIRA = "jira https://jira.example"


def test_a_title_is_read_back_the_same_and_so_is_that_there_is_none(url):
    cache = TitleCache(url, "shop")

    cache.write(JIRA, {"SHOP-1": GIFTS, "SHOP-2": None, "SHOP-3": Title(title="Cards")}, NOON)

    assert cache.read(JIRA) == {
        "SHOP-1": Kept(GIFTS, NOON),
        "SHOP-2": Kept(None, NOON),
        "SHOP-3": Kept(Title(title="Cards"), NOON),
    }


def test_a_later_answer_replaces_a_title_but_none_does_not(url):
    cache, later = TitleCache(url, "shop"), NOON + timedelta(days=1)
    cache.write(JIRA, {"SHOP-1": GIFTS, "SHOP-2": GIFTS, "SHOP-3": None}, NOON)

    cache.write(JIRA, {"SHOP-1": Title(title="Vouchers"), "SHOP-2": None, "SHOP-3": GIFTS}, later)

    assert cache.read(JIRA) == {
        "SHOP-1": Kept(Title(title="Vouchers"), later),
        "SHOP-2": Kept(GIFTS, later),
        "SHOP-3": Kept(GIFTS, later),
    }


def test_products_and_trackers_in_one_database_do_not_see_each_other(url):
    TitleCache(url, "shop").write(JIRA, {"SHOP-1": GIFTS}, NOON)
    TitleCache(url, "shop").silence(JIRA, NOON)

    for product, source in (("bank", JIRA), ("shop", "jira https://other.example")):
        assert TitleCache(url, product).read(source) == {}
        assert TitleCache(url, product).silent_until(source) is None


def test_a_tracker_is_left_alone_until_what_was_said_last(url):
    cache = TitleCache(url, "shop")

    cache.silence(JIRA, NOON + timedelta(hours=1))
    cache.silence(JIRA, NOON)

    assert cache.silent_until(JIRA) == NOON


def test_writers_at_the_same_time_lose_nothing_of_what_is_known(url):
    caches = [TitleCache(url, "shop") for _ in range(4)]
    caches[0].write(JIRA, {f"SHOP-{n}": None for n in range(40)}, NOON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda cache: cache.write(JIRA, {f"SHOP-{n}": GIFTS for n in range(40)}, NOON), caches))

    assert {one.title for one in caches[0].read(JIRA).values()} == {GIFTS}
