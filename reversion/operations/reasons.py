"""Explain what a plan says of features: each that changes, before and after."""

from collections.abc import Iterator
from dataclasses import replace

from reversion.features.explaining import Explanation, explain
from reversion.features.values import Change, Comparison
from reversion.operations.explaining import gather, ledgers_of
from reversion.operations.judging import Versions, study
from reversion.operations.workspace import Workspace
from reversion.plan import Plan

_MOST = 300
_GROUPS = ("lost", "made_partial", "resurrected", "regained", "completed", "unknown")


def reasons(workspace: Workspace, plan: Plan) -> Iterator[tuple[Explanation, Explanation]]:
    """Yield, losses first, why each feature that changes is in its state before and after; of at most 300."""
    changes = _changes(plan.comparison)[:_MOST]
    ids = tuple(change.feature.id for change in changes)
    before, after = _before(plan), _after(plan)
    studied = study(workspace, before, after, refresh=False)
    now, then = studied.commits(before), studied.commits(after)
    ledgers = ledgers_of(workspace, studied.resolver, ids, now, then)
    lore = replace(gather(workspace, ledgers, ids), problems=studied.problems)
    shown = {step.service: step.version for step in plan.steps}
    for change in changes:
        old = change.feature.model_copy(update={"state": change.before, "parts": change.parts_before})
        new = change.feature.model_copy(update={"state": change.after, "parts": change.parts_after})
        yield (
            explain(ledgers, old, now, replace(lore, versions=before)),
            explain(ledgers, new, then, replace(lore, versions={**plan.left, **shown})),
        )


def _changes(comparison: Comparison) -> tuple[Change, ...]:
    changed = [change for name in _GROUPS for change in getattr(comparison, name)]
    return (*changed, *(change for change in comparison.kept if change.when_taken))


def _before(plan: Plan) -> Versions:
    """Return what runs; None where that is not known or differs between instances."""
    running = {
        step.service: step.running[0] if len(step.running) == 1 and not step.problem else None
        for step in plan.steps
        if step.direction != "added"
    }
    return {**plan.left, **running}


def _after(plan: Plan) -> Versions:
    return {**plan.left, **{step.service: step.commit for step in plan.steps}}
