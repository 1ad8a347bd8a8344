"""How trackers are asked and answer: in batches."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from reversion.features.titles import Reference, Title

Answers = Mapping[str, Title | None]
"""Feature ids, each with what the tracker calls it; None where it knows none such."""


def batched(references: tuple[Reference, ...], size: int) -> Iterator[tuple[Reference, ...]]:
    """Yield the references in their order, at most so many at once."""
    for start in range(0, len(references), size):
        yield references[start : start + size]


def by_repository(references: tuple[Reference, ...], size: int) -> Iterator[tuple[str, tuple[Reference, ...]]]:
    """Yield batches of one repository each, with its path."""
    ordered = sorted(references, key=lambda reference: reference.repository)
    for repository, group in groupby(ordered, key=lambda reference: reference.repository):
        for batch in batched(tuple(group), size):
            yield repository, batch
