"""The state of one feature, folded from what each service has of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

from reversion.features.sheets import Sheet, View
from reversion.features.values import Part, State

Views = Mapping[str, View | None]
"""Service to what its version has. None: not known. A service that is missing does not run at all."""


_NOWHERE = View(commit="", horizon=-1, landed=0, effective=())
Measure = Literal["need", "merged", "items"]


class Row(NamedTuple):
    """A feature in one service: its place in the sheet; no sheet where the service is only required to have it."""

    service: str
    sheet: Sheet | None = None
    place: int = 0

    def count(self, measure: Measure) -> int:
        return getattr(self.sheet, measure)[self.place] if self.sheet else 0


class _Mark(NamedTuple):
    """What a feature needs in one service; `items` are those of it that are measured, the place is -1 without any."""

    service: str
    place: int
    need: int
    items: int


class Judged(NamedTuple):
    """A feature's state at one vector, and what each service has of it."""

    state: State
    parts: tuple[Part, ...]
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a feature is measured against.

    That is what is in effect at the tracked heads; where nothing is, all that they ever contained; where they contain
    nothing, all there is. A required service that has no item needs one all the same: nobody has begun there.
    `whole` is the judgement where each service has what its sheet says that it needs, if that is enough.
    """

    id: str
    measure: Measure
    marks: tuple[_Mark, ...]
    whole: Judged | None

    @classmethod
    def of(cls, id: str, rows: list[Row], required: tuple[str, ...]) -> "Yardstick":
        begun = {row.service for row in rows} if required else ()
        missing = (Row(service) for service in required if service not in begun)
        every = sorted((*rows, *missing), key=itemgetter(0))
        measures: tuple[Measure, ...] = ("need", "merged")
        measure: Measure = next((one for one in measures if any(row.count(one) for row in every)), "items")
        marks = []
        for row in every:
            items = row.count(measure)
            need = items or (1 if row.service in required else 0)
            marks.append(_Mark(row.service, row.place if row.sheet else -1, need, items))
        is_enough = measure == "need" and all(mark.need == mark.items for mark in marks)
        parts = tuple(_part(mark.service, mark.need, mark.need, False) for mark in marks if mark.need)
        return cls(id, measure, tuple(marks), Judged(State.COMPLETE, parts, False) if is_enough else None)


def judge(yardstick: Yardstick, views: Views) -> Judged:
    """Fold the services' shares; one share that can't be known makes the feature unknown.

    Where a service has none of the needed items but others of the feature in effect (a branch not merged, an earlier
    attempt), these stand in for as many, and the feature is marked ambiguous. So it is where no tracked branch ever
    had anything of it: what is known of a branch not merged depends on the versions that were looked at.
    """
    parts: list[Part] = []
    is_there = is_gone = ambiguous = is_unknown = False
    is_whole = True
    for service, place, need, items in yardstick.marks:
        view = views.get(service, _NOWHERE)
        if view is None:
            is_unknown = True
            parts.append(_part(service, 0, need, True))
            continue
        have = 0
        if place >= 0 and view is not _NOWHERE:
            if effective := view.effective[place]:
                is_there = True
                have = effective
                if view.have or yardstick.measure != "need":
                    have = _needed(view, place, effective, yardstick.measure)
                if not have:
                    have, ambiguous = min(need, effective), ambiguous or items > 0
                elif yardstick.measure == "items":
                    ambiguous = True
            elif place in view.seen:
                is_gone = True
            if view.doubtful and place in view.doubtful:
                ambiguous = True
        if need:
            parts.append(_part(service, have, need, False))
        if have != need:
            is_whole = False
    if is_unknown:
        state = State.UNKNOWN
    elif is_there:
        state = State.COMPLETE if is_whole else State.PARTIAL
    else:
        state = State.WITHDRAWN if is_gone else State.ABSENT
    return Judged(state, tuple(parts), ambiguous)


def _needed(view: View, place: int, effective: int, measure: Measure) -> int:
    if measure == "need":
        return view.have.get(place, effective)
    return view.merged.get(place, 0) if measure == "merged" else effective


@lru_cache(maxsize=100_000)
def _part(service: str, have: int, need: int, unknown: bool) -> Part:
    """Make each part once: thousands of features share them."""
    return Part(service=service, have=have, need=need, unknown=unknown)
