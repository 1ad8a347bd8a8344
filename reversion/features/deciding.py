"""Which reverts decide that a feature is not there, and what each of them would have to take back whole. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reversion.features.patches import Undone
from reversion.features.resolver import Resolver, Vector
from reversion.features.sheets import Toggled, items_at
from reversion.features.values import Change, Comparison, State

THERE = (State.COMPLETE, State.PARTIAL)


class Deciding(NamedTuple):
    """One revert that decides what is told of a feature in a service."""

    feature: str
    service: str
    undone: Undone


def withdrawals(resolver: Resolver, id: str, vector: Vector) -> Iterator[Deciding]:
    """Yield the reverts that keep a feature's items from being in effect at a vector."""
    views = resolver.views(vector)
    for row in resolver.rows(id):
        if row.sheet and (view := views.get(row.service)):
            for item in items_at(row.sheet, row.place):
                yield from _removals(id, row.service, view.toggled.get(item))


def taken_back(resolver: Resolver, ids: Iterable[str], vector: Vector) -> Iterator[Deciding]:
    """Yield the reverts that leave a service with nothing of a feature, though another service may still have some.

    Its share is needed nowhere then, so nothing else would tell of it.
    """
    views = resolver.views(vector)
    seen = {service: frozenset(view.seen) for service, view in views.items() if view and view.seen}
    for id in ids:
        for row in resolver.rows(id):
            view = views.get(row.service)
            if view and row.sheet and row.place in seen.get(row.service, ()) and not view.effective[row.place]:
                for item in items_at(row.sheet, row.place):
                    yield from _removals(id, row.service, view.toggled.get(item))


def deciders(resolver: Resolver, comparison: Comparison, before: Vector, after: Vector) -> Iterator[Deciding]:
    """Yield the reverts that decide which features are withdrawn before or after, or come back against a revert."""
    for change in _all(comparison):
        if change.before is State.WITHDRAWN:
            yield from withdrawals(resolver, change.feature.id, before)
        if change.after is State.WITHDRAWN:
            yield from withdrawals(resolver, change.feature.id, after)
    still_there = [change for change in _all(comparison) if change.before in THERE or change.after in THERE]
    yield from taken_back(resolver, (one.feature.id for one in still_there if one.before in THERE), before)
    yield from taken_back(resolver, (one.feature.id for one in still_there if one.after in THERE), after)
    for change in comparison.resurrected:
        yield from _defied(resolver, change.feature.id, before, after)


def _defied(resolver: Resolver, id: str, before: Vector, after: Vector) -> Iterator[Deciding]:
    """Yield the reverts that hold before, or on the tracked branches, and no longer afterwards."""
    here, there = resolver.views(before), resolver.views(after)
    for row in resolver.rows(id):
        old, new = here.get(row.service), there.get(row.service)
        for item in items_at(row.sheet, row.place) if row.sheet and new else ():
            is_there = (found := new.toggled.get(item)) and found.effective if new else False
            was_there = (known := old.toggled.get(item)) and known.effective if old else False
            if is_there and not was_there:
                for place in (old.toggled if old else {}, *(row.sheet.heads if row.sheet else ())):
                    yield from _removals(id, row.service, place.get(item))


def _removals(id: str, service: str, toggled: Toggled | None) -> Iterator[Deciding]:
    for undone in toggled.undone if toggled else ():
        yield Deciding(id, service, undone)


def _all(comparison: Comparison) -> Iterator[Change]:
    for group in Comparison.model_fields:
        yield from getattr(comparison, group)
