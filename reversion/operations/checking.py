"""Look at the reverts that decide what is told: one that may have kept a part is to be checked by people."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

from reversion.adapters import patches
from reversion.adapters.histories import open_source
from reversion.errors import ReversionError
from reversion.features.deciding import THERE, Deciding, deciders, taken_back, withdrawals
from reversion.features.patches import Undone
from reversion.features.resolver import Resolver, Vector
from reversion.features.values import Change, Comparison, Feature, State
from reversion.operations.workspace import Workspace


def checked(
    workspace: Workspace, resolver: Resolver, features: tuple[Feature, ...], vector: Vector
) -> tuple[Feature, ...]:
    """Flag the features that are withdrawn, in all services or in one, by a revert that may have kept a part."""
    withdrawn = (feature.id for feature in features if feature.state is State.WITHDRAWN)
    there = (feature.id for feature in features if feature.state in THERE)
    deciding = (one for id in withdrawn for one in withdrawals(resolver, id, vector))
    doubtful = _doubtful(workspace, chain(deciding, taken_back(resolver, there, vector)))
    return tuple(_flagged(feature) if feature.id in doubtful else feature for feature in features)


def checked_changes(
    workspace: Workspace, resolver: Resolver, comparison: Comparison, before: Vector, after: Vector
) -> Comparison:
    """Flag the features that a revert decides of which it may have kept a part."""
    doubtful = _doubtful(workspace, deciders(resolver, comparison, before, after))
    if not doubtful:
        return comparison

    def flagged(change: Change) -> Change:
        if change.feature.id not in doubtful:
            return change
        return change.model_copy(update={"feature": _flagged(change.feature)})

    return comparison.each(flagged)


def are_whole(workspace: Workspace, service: str, undone: Iterable[Undone]) -> dict[Undone, bool | None]:
    """Tell of each revert of a service whether it takes back all; None where that can't be told."""
    settings = workspace.product.services[service]
    wanted = tuple(undone)
    try:
        repository = open_source(settings, workspace.root, workspace.home, refresh=False)
        return patches.are_whole(repository, wanted, settings.paths)
    except ReversionError:
        return dict.fromkeys(wanted)


def _doubtful(workspace: Workspace, deciding: Iterable[Deciding]) -> frozenset[str]:
    """Return the ids of the features with a revert that is not known to take back all."""
    by_service: dict[str, list[Deciding]] = defaultdict(list)
    for one in deciding:
        by_service[one.service].append(one)
    return frozenset(
        one.feature
        for service, mine in by_service.items()
        for known in [are_whole(workspace, service, (one.undone for one in mine))]
        for one in mine
        if not known[one.undone]
    )


def _flagged(feature: Feature) -> Feature:
    return feature.model_copy(update={"check": True})
