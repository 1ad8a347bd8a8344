"""Observe environments: which features are there, and that the others did not change."""

from reversion.operations import judging, observing
from reversion.outcome import Fingerprints, Seen
from reversion.plan import Plan
from tasks.settings import kept, workspace


@kept(task_run_name="Observe {environment} as another environment, {moment}")
def fingerprint(environment: str, moment: str, at: str) -> Fingerprints:  # noqa: ARG001  the moment parts two results
    opened = workspace(at)
    return observing.fingerprint(opened, opened.product.environment(environment))


@kept(task_run_name="Resolve the features that are now there")
def features_now(plan: Plan, attempt: int) -> Seen:  # noqa: ARG001  each attempt at the run looks anew
    opened = workspace(plan.head_commit)
    seen = observing.observe(opened, opened.product.environment(plan.environment), plan.snapshot_commit)
    return Seen(observation=seen, features=judging.features_of(opened, seen, refresh=False))
