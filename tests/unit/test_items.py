"""Subjects that are looked at together are found alike as one by one."""

import pytest

from reversion.features.items import are_unlike, normalised

ALIKE = "feat: SHOP-1 gift cards"
GROUPS = {
    "the same twice": [ALIKE, "fix: SHOP-1 totals", ALIKE],
    "the same under pull requests": [ALIKE, f"{ALIKE} (#12)", f"{ALIKE} (#12) (!13)", f"{ALIKE} (pull request #14)"],
    "a pull request amid": ["SHOP-1 (#12) gift cards", "SHOP-1 gift cards (#12)", "SHOP-1 gift cards"],
    "spaces of other kinds": ["SHOP-1 gift\tcards", "SHOP-1 gift cards", "SHOP-1 gift\x0bcards", "SHOP-1 giftcards"],
    "other keys": ["SHOP-1 gift cards PAY-7", "SHOP-1 gift cards", "SHOP-1 gift-cards"],
    "backports": [f"[stable] {ALIKE}", f"Backport to 1.x: {ALIKE}", ALIKE, f"{ALIKE} (cherry-picked from 1234567)"],
    "links": [f"{ALIKE} https://example.com/1", ALIKE],
    "other letters": ["SHOP-1 Größe", "SHOP-1 größe", "SHOP-1 gr\u00f6\u00dfe"],
    "nothing but the id": ["SHOP-1", "SHOP-1 (#2)", "SHOP-1:"],
}


UNLIKE = [
    ["feat: SHOP-1 gift cards", "fix: SHOP-1 totals", "Feat:  shop - gift\tcards"],
    [ALIKE, "SHOP-1 gifts (#12)"],
    [ALIKE],
]


@pytest.mark.parametrize("subjects", GROUPS.values(), ids=GROUPS)
def test_subjects_that_are_alike_one_by_one_are_never_told_apart_together(subjects: list[str]) -> None:
    each = [normalised(subject, ("SHOP-1",)) for subject in subjects]

    assert len(set(each)) < len(each)
    assert not are_unlike(subjects, "SHOP-1")


@pytest.mark.parametrize("subjects", UNLIKE)
def test_subjects_of_other_letters_are_told_apart_together(subjects: list[str]) -> None:
    assert are_unlike(subjects, "SHOP-1")
