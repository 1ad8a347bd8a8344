"""The state of one feature, folded from what each service has of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from reversion.features.ledger import NOTHING, Ledger, Standing
from reversion.features.values import Part, State


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a feature is measured against: for each service its items, and those of them that are needed.

    A required service that has no item needs one all the same: nobody has begun there.
    """

    id: str
    items: Mapping[str, tuple[int, ...]]
    needed: Mapping[str, frozenset[int]]
    required: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        id: str,
        items: Mapping[str, tuple[int, ...]],
        ledgers: Mapping[str, Ledger],
        required: tuple[str, ...],
    ) -> "Yardstick":
        needed = {name: ledgers[name].universe.intersection(found) for name, found in items.items()}
        if not any(needed.values()):
            needed = {name: ledgers[name].merged.intersection(found) for name, found in items.items()}
        if not any(needed.values()):
            needed = {name: frozenset(found) for name, found in items.items()}
        return cls(id, items, needed, required)

    def services(self) -> tuple[str, ...]:
        return tuple(sorted({*self.items, *self.required}))


@dataclass(frozen=True, slots=True)
class Judged:
    """A feature's state at one vector, and what each service has of it."""

    state: State
    parts: tuple[Part, ...]
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class _Share:
    part: Part
    is_there: bool = False
    is_gone: bool = False
    ambiguous: bool = False


def judge(yardstick: Yardstick, standings: Mapping[str, Standing | None]) -> Judged:
    """Fold the services' shares; one share that can't be known makes the feature unknown."""
    shares = [_share(name, yardstick, standings.get(name, NOTHING)) for name in yardstick.services()]
    return Judged(
        state=_state(shares),
        parts=tuple(share.part for share in shares if share.part.need or share.part.unknown),
        ambiguous=any(share.ambiguous for share in shares),
    )


def _share(service: str, yardstick: Yardstick, standing: Standing | None) -> _Share:
    """Count what one service has.

    Where it has none of the needed items but others of the feature in effect (a branch not merged, an
    earlier attempt), these stand in for as many, and the feature is marked ambiguous.
    """
    items = frozenset(yardstick.items.get(service, ()))
    needed = yardstick.needed.get(service, frozenset())
    need = len(needed) or (1 if service in yardstick.required else 0)
    if standing is None:
        return _Share(Part(service=service, have=0, need=need, unknown=True))
    effective = items & standing.effective
    have = len(needed & effective)
    stands_in = not have and bool(effective)
    return _Share(
        Part(service=service, have=min(need, len(effective)) if stands_in else have, need=need),
        is_there=bool(effective),
        is_gone=bool(items & standing.seen) and not effective,
        ambiguous=(stands_in and bool(needed)) or bool(items & standing.doubtful),
    )


def _state(shares: list[_Share]) -> State:
    if any(share.part.unknown for share in shares):
        return State.UNKNOWN
    if any(share.is_there for share in shares):
        whole = all(share.part.have == share.part.need for share in shares)
        return State.COMPLETE if whole else State.PARTIAL
    return State.WITHDRAWN if any(share.is_gone for share in shares) else State.ABSENT
