"""Sort features into what a change does to them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from reversion.features.judging import Judged
from reversion.features.values import Change, Comparison, Feature, State

_THERE = (State.COMPLETE, State.PARTIAL)


class Pair(NamedTuple):
    """One feature as it is told, judged before and after; `is_resurrected` where a reverted item would come back."""

    feature: Feature
    before: Judged
    after: Judged
    is_resurrected: bool


def compare(pairs: Iterable[Pair]) -> Comparison:
    """Put each feature into its one group, in the order in which the features come."""
    groups: dict[str, list[Change]] = {group: [] for group in Comparison.model_fields}
    for pair in pairs:
        groups[_group(pair)].append(
            Change(
                feature=pair.feature,
                before=pair.before.state,
                after=pair.after.state,
                parts_before=pair.before.parts,
                parts_after=pair.after.parts,
            )
        )
    return Comparison.model_validate({group: tuple(changes) for group, changes in groups.items()})


def _group(pair: Pair) -> str:
    """Name the group. What can't be known comes first, then what nobody expects, then what goes."""
    before, after = pair.before.state, pair.after.state
    if before is State.UNKNOWN or after is State.UNKNOWN:
        return "unknown"
    if pair.is_resurrected:
        return "resurrected"
    if before not in _THERE:
        return "regained" if after in _THERE else "kept"
    if after not in _THERE:
        return "lost"
    if after is State.COMPLETE:
        return "kept" if before is State.COMPLETE else "completed"
    return "made_partial" if _loses(pair) else "kept"


def _loses(pair: Pair) -> bool:
    """Tell whether a feature that stays, or stays in part, has less of itself in some service afterwards."""
    there = {part.service: part.have for part in pair.after.parts}
    return any(part.have > there.get(part.service, 0) for part in pair.before.parts) or (
        pair.before.state == State.COMPLETE
    )
