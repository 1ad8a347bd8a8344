"""What was said of features when a snapshot was taken, beside what is judged of them now. Pure."""

from collections.abc import Collection, Iterable

from reversion.features.values import Change, Comparison, Feature, State

_THERE = (State.COMPLETE, State.PARTIAL)


def there(taken: Iterable[Feature]) -> frozenset[str]:
    """Return the ids of those that were there, whole or in part."""
    return frozenset(feature.id for feature in taken if feature.state in _THERE)


def out_of_sight(taken: Iterable[Feature], known: Collection[str]) -> tuple[Feature, ...]:
    """Return, as unknown, those that were there then and that no commit and no catalogue entry names now."""
    lost = (feature for feature in taken if feature.state in _THERE and feature.id not in known)
    return tuple(Feature(id=one.id, title=one.title, kind=one.kind, state=State.UNKNOWN) for one in lost)


def recall(comparison: Comparison, taken: Iterable[Feature]) -> Comparison:
    """Tell with each change what the snapshot says of the feature, where that is not what comes after."""
    then = {feature.id: feature.state for feature in taken}

    def recalled(change: Change) -> Change:
        state = then.get(change.feature.id)
        return change if state in (None, change.after) else change.model_copy(update={"when_taken": state})

    return comparison.each(recalled)
