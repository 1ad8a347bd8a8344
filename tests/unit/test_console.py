"""The console tells managers which features are where, what the last reversion did, and hides nothing."""

from typing import Any

import pytest

from reversion.features.listing import board
from reversion.features.values import Feature, Part, State
from reversion.report import Column, Page, Reversal, board_pages, environment_pages

LAST = Reversal(
    run="0b9e",
    at="2026-11-23 14:02 UTC",
    snapshot="reversion/staging/2026-11-20T02-00-00Z-3f9a1c3f9a1c",
    lost=("A-1", "A-2"),
    made_partial=("A-3",),
    regained=("A-4",),
)


def a_feature(id: str, state: State = State.COMPLETE, **given: Any) -> Feature:
    return Feature(**{"id": id, "title": f"Title of {id}", "state": state} | given)


def console(*features: Feature, last: Reversal | None = None) -> tuple[Page, ...]:
    return environment_pages("shop", Column(environment="staging", seen="noon", last=last), features)


def rows(page: Page) -> list[str]:
    """The rows of a page's last table, without their links."""
    return [line for line in page.text.rpartition("|---|")[2].splitlines() if line.startswith("| ")]


def test_every_feature_that_is_there_or_not_known_is_listed_what_needs_an_eye_first():
    (page,) = console(
        a_feature("A-1"),
        a_feature("A-2", State.PARTIAL, parts=(Part(service="cart", have=1, need=2),)),
        a_feature("A-3", State.WITHDRAWN, check=True),
        a_feature("A-4", State.UNKNOWN),
    )

    assert [row.split()[1] for row in rows(page)] == ["A-4", "A-2", "A-3", "A-1"]
    assert "partial | cart 1/2" in page.text
    assert "withdrawn (check)" in page.text


def test_what_is_absent_is_counted_and_the_command_named_that_lists_it():
    (page,) = console(a_feature("A-1"), a_feature("A-2", State.ABSENT), a_feature("A-3", State.ABSENT))

    assert "2 features that are not in this environment yet left out here" in page.text
    assert "'reversion features staging --state absent' lists them" in page.text
    assert "A-2" not in page.text


def test_what_the_last_reversion_changed_is_marked_with_its_run():
    (page,) = console(
        a_feature("A-1", State.ABSENT),
        a_feature("A-3", State.PARTIAL),
        a_feature("A-4"),
        a_feature("A-5"),
        last=LAST,
    )

    assert "[2026-11-23 14:02 UTC](/runs/flow-run/0b9e)" in page.text
    assert [(row.split()[1], row.split("|")[-2].strip()) for row in rows(page)] == [
        ("A-1", "lost"),
        ("A-3", "in part"),
        ("A-4", "regained"),
        ("A-5", ""),
    ]


def test_what_came_back_since_is_not_marked_any_more():
    (page,) = console(a_feature("A-1"), a_feature("A-2", State.ABSENT), last=LAST)

    assert "2 lost, 1 in part, 1 regained. Of these still so: 1 lost" in page.text
    assert [row.split("|")[-2].strip() for row in rows(page) if "A-1" in row] == [""]


def test_two_thousand_features_are_on_pages_that_together_have_all():
    pages = console(*(a_feature(f"A-{number}") for number in range(2000)))

    assert [page.key for page in pages] == [
        "features-shop-staging",
        *(f"features-shop-staging-page-{number}" for number in (2, 3, 4)),
    ]
    assert [len(rows(page)) for page in pages] == [500] * 4
    assert len({row for page in pages for row in rows(page)}) == 2000
    assert "Features 501 to 1000 of 2000; the others are in `features-shop-staging`" in pages[1].text
    assert max(len(page.text) for page in pages) < 100_000


def table_of(
    *columns: Column, last: Reversal | None = None, **judged: tuple[Feature, ...] | None
) -> tuple[Page, ...]:
    made = columns or tuple(
        Column(environment=name, seen="noon" if found is not None else "", last=last if name == "staging" else None)
        for name, found in judged.items()
    )
    return board_pages("shop", made, board(judged))


def test_the_board_has_a_column_for_each_environment_and_differing_rows_first():
    (page,) = table_of(
        staging=(a_feature("A-1"), a_feature("A-2", State.PARTIAL, parts=(Part(service="cart", have=1, need=2),))),
        live=(a_feature("A-1"), a_feature("A-2", State.ABSENT)),
        uat=None,
    )

    assert page.key == "board-shop"
    assert rows(page) == [
        "| A-2 Title of A-2 | partial 1/2 | absent | never looked at |",
        "| A-1 Title of A-1 | complete | complete | never looked at |",
    ]
    assert "| uat | never looked at | ? |" in page.text
    assert "1 feature differs between environments and comes first; 1 are the same everywhere" in page.text


def test_the_board_marks_what_a_reversion_took_away_and_links_its_run():
    (page,) = table_of(staging=(a_feature("A-1", State.ABSENT),), live=(a_feature("A-1"),), last=LAST)

    assert rows(page) == ["| A-1 Title of A-1 | absent, lost | complete |"]
    assert page.text.count("](/runs/flow-run/0b9e)") == 1


def test_what_is_nowhere_is_left_out_of_the_board_and_counted():
    (page,) = table_of(staging=(a_feature("A-1", State.ABSENT), a_feature("A-2")), live=())

    assert "A-1" not in page.text
    assert "1 feature that is in no environment yet left out here: 'reversion board' lists them too." in page.text


def test_two_thousand_rows_of_the_board_are_on_pages_of_bounded_size():
    features = tuple(a_feature(f"A-{number}") for number in range(2000))

    pages = table_of(staging=features, uat=(), live=features)

    assert sum(len(rows(page)) for page in pages) == 2000
    assert max(len(page.text) for page in pages) < 100_000


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("a | b", id="a cell's end"),
        pytest.param("<script>alert(1)</script>", id="a script"),
        pytest.param("<img src=x onerror=alert(1)>", id="an image"),
        pytest.param("[x](javascript:alert(1))", id="a link"),
        pytest.param("![x](https://evil.example/p.png)", id="a linked image"),
        pytest.param("https://evil.example", id="a bare address"),
        pytest.param("www.evil.example", id="a bare name"),
        pytest.param("\x1b[31m\u202eevil\nrow | two", id="control characters"),
    ],
)
def test_hostile_titles_and_owners_stay_text_on_every_page(title: str):
    feature = a_feature("A-1", title=title, owner=title)

    for page in (*console(feature, last=LAST), *table_of(staging=(feature,), live=())):
        (row,) = rows(page)
        assert not {"<", "\x1b", "\u202e"} & set(row)
        assert "](" not in row.replace(r"\](", "")
        assert "https://" not in row
        assert "www.evil" not in row
        heads = page.text.rpartition("|---|")[0].rstrip("-|").splitlines()[-1]
        assert row.replace(r"\|", "").count("|") == heads.count("|")
