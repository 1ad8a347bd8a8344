"""Observe environments: which features are there, and that the others did not change."""

from reversion.features.values import Feature
from reversion.operations import judging, observing
from reversion.outcome import Fingerprints
from reversion.plan import Plan
from tasks.settings import kept, workspace


@kept(task_run_name="Observe {environment} as another environment, {moment} the restore")
def fingerprint(environment: str, moment: str) -> Fingerprints:  # noqa: ARG001  the moment parts the two results
    opened = workspace()
    return observing.fingerprint(opened, opened.product.environment(environment))


@kept(task_run_name="Resolve the features that are now there")
def features_now(plan: Plan) -> tuple[Feature, ...]:
    opened = workspace()
    seen = observing.observe(opened, opened.product.environment(plan.environment), plan.snapshot_commit)
    return judging.features_of(opened, seen, refresh=False)
