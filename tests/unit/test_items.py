"""Subjects that are normalised many at a time are found alike as one by one."""

from itertools import combinations

import pytest

from reversion.features.items import normalised, normalised_together

ALIKE = "feat: SHOP-1 gift cards"
GROUPS = {
    "plain": ["feat: SHOP-1 gift cards", "fix: SHOP-1 totals", "Feat:  shop - gift\tcards"],
    "the same twice": [ALIKE, "fix: SHOP-1 totals", ALIKE],
    "the same under pull requests": [ALIKE, f"{ALIKE} (#12)", f"{ALIKE} (#12) (!13)", f"{ALIKE} (pull request #14)"],
    "a pull request amid": ["SHOP-1 (#12) gift cards", "SHOP-1 gift cards (#12)", "SHOP-1 gift cards"],
    "spaces of other kinds": ["SHOP-1 gift\tcards", "SHOP-1 gift cards", "SHOP-1 gift\x0bcards", "SHOP-1 giftcards"],
    "other keys": ["SHOP-1 gift cards PAY-7", "SHOP-1 gift cards", "SHOP-1 gift-cards"],
    "backports": [f"[stable] {ALIKE}", f"Backport to 1.x: {ALIKE}", ALIKE, f"{ALIKE} (cherry-picked from 1234567)"],
    "links": [f"{ALIKE} https://example.com/1", ALIKE],
    "other letters": ["SHOP-1 Größe", "SHOP-1 größe", "SHOP-1 gr\u00f6\u00dfe"],
    "nothing but the id": ["SHOP-1", "SHOP-1 (#2)", "SHOP-1:"],
    "alone": [ALIKE],
}


@pytest.mark.parametrize("subjects", GROUPS.values(), ids=GROUPS)
def test_the_same_subjects_are_alike_together_as_one_by_one(subjects: list[str]) -> None:
    each = [normalised(subject, ("SHOP-1",)) for subject in subjects]

    together = normalised_together(subjects, "SHOP-1")

    assert [one == other for one, other in combinations(together, 2)] == [
        one == other for one, other in combinations(each, 2)
    ]
    assert [not words for words in together] == [not words for words in each]
