"""Bring the configuration, and each service, back to the snapshot."""

from reversion.adapters import playbooks
from reversion.adapters.verdicts import RestoreTarget
from reversion.operations.observing import Say, staged
from reversion.operations.workspace import Workspace
from reversion.outcome import StepResult
from reversion.plan import Plan


def configure(workspace: Workspace, plan: Plan, say: Say) -> None:
    """Apply the environment's own configuration once, where the product names a playbook for it."""
    environment = workspace.product.environment(plan.environment)
    if environment.configure is None:
        say("The product names no configure playbook: each service's restore brings its configuration along.")
        return
    with staged(workspace, environment, plan.snapshot_commit, say) as stage:
        playbooks.configure(stage, plan.snapshot)


def restore(workspace: Workspace, plan: Plan, service: str, say: Say) -> StepResult:
    """Restore one service of the plan on all of its hosts, and see the wanted version there.

    Raise HostUnreachable, which is worth retrying, or PlaybookFailed.
    """
    environment = workspace.product.environment(plan.environment)
    step = plan.step(service)
    target = RestoreTarget(
        service=service,
        version=step.version,
        commit=step.commit or "",
        snapshot=plan.snapshot,
        hosts=step.hosts,
    )
    with staged(workspace, environment, plan.snapshot_commit, say) as stage:
        return playbooks.restore(stage, target)
