"""`reversion revert`, `undo`, `approve` and `reject`: reversions through Prefect's API."""

import sys
from typing import Any

import click

from reversion.adapters import tags
from reversion.adapters.approvals import Approvals
from reversion.adapters.runs import Wanted
from reversion.adapters.tags import LATEST_VERIFIED
from reversion.commands.asking import GiveAnswer
from reversion.commands.connecting import connect
from reversion.commands.printing import note, print_markdown
from reversion.commands.starting import (
    Options,
    acknowledge_option,
    as_option,
    back_option,
    check_reason,
    reason_option,
    start,
    with_start_options,
    without_option,
)
from reversion.errors import InvalidInput, Refused
from reversion.history import Answer, Review
from reversion.operations import tagging
from reversion.operations.workspace import Workspace, open_workspace
from reversion.product import Environment

_LEAST_DIGEST = 6


@click.command("revert")
@click.argument("environment")
@click.argument("snapshot", default=LATEST_VERIFIED)
@with_start_options
@click.pass_obj
def revert_command(product: str, /, environment: str, snapshot: str, reason: str, **options: Any) -> int:
    """Plan to take ENVIRONMENT back to SNAPSHOT, ask for approval, do it and prove it.

    Exits with 0 when proven, 1 when rejected, refused or its tests failed, 3 when it broke.
    """
    chosen = Options(**options)
    workspace = open_workspace(product)
    wanted = Wanted(
        product=workspace.product.product,
        environment=environment,
        snapshot=_named(workspace, _restorable(workspace, environment), snapshot),
        reason=reason,
    )
    return start(connect(workspace), wanted, chosen)


@click.command("undo")
@click.argument("run")
@with_start_options
@click.pass_obj
def undo_command(product: str, /, run: str, reason: str, **options: Any) -> int:
    """Plan the way back to how it was just before RUN changed it; to be approved as any other."""
    chosen = Options(**options)
    workspace = open_workspace(product)
    approvals = connect(workspace)
    done = approvals.runs.find(workspace.product.product, run)
    safety = done.record.safety_snapshot if done.record else ""
    safety = safety or tagging.taken_by_run(workspace, done.environment, done.id)
    if not safety:
        raise Refused(
            f"Run {done.id[:8]} left no safety snapshot ('{done.told}'), so there is nothing to undo.",
            f"'reversion history {done.id[:8]}' tells all about it.",
        )
    environment = _restorable(workspace, done.environment)
    wanted = Wanted(
        product=workspace.product.product,
        environment=done.environment,
        snapshot=_named(workspace, environment, safety),
        reason=reason or f"Undo of run {done.id}",
    )
    return start(approvals, wanted, chosen)


@click.command("approve")
@click.argument("run")
@as_option
@reason_option
@acknowledge_option
@without_option
@back_option
@click.option("--plan", "digest", default="", help="Approve only if the plan's digest begins like this.")
@click.pass_obj
def approve_command(product: str, /, run: str, digest: str, **given: Any) -> None:
    """Approve RUN, which waits for it. Exactly the plan that is shown is approved."""
    approvals, review = _waiting(product, run)
    if digest and not _is_of(digest, review.plan):
        raise Refused(f"The plan that waits is {review.plan}, not {digest[:64]}.", "Read it again first.")
    print_markdown(review.text)
    answer = _decided(True, **given)
    if sys.stdin.isatty() and not digest:
        click.confirm(f"{answer.approver} approves exactly this plan, {review.plan}?", abort=True, err=True)
    _answer(approvals, review, answer)


@click.command("reject")
@click.argument("run")
@as_option
@reason_option
@click.pass_obj
def reject_command(product: str, /, run: str, **given: Any) -> None:
    """Reject RUN, which waits for approval. Nothing is changed then."""
    approvals, review = _waiting(product, run)
    _answer(approvals, review, _decided(False, **given))


def _waiting(product: str, run: str) -> tuple[Approvals, Review]:
    workspace = open_workspace(product, refresh=False)
    approvals = connect(workspace)
    return approvals, approvals.review(approvals.runs.find(workspace.product.product, run).id)


def _decided(approve: bool, name: str, reason: str, **options: Any) -> Answer:
    if not name and sys.stdin.isatty():
        name = click.prompt("Your name", err=True)
    if not name:
        raise InvalidInput("A decision needs a name.", "Say who decides with --as NAME.")
    check_reason(options.get("leave_out", ()), reason)
    return Answer(approve=approve, approver=name, reason=reason, **options)


def _answer(approvals: Approvals, review: Review, answer: Answer) -> None:
    if given := GiveAnswer(answer)(review, lambda: True):
        approvals.answer(review, given)
    done = "approved" if answer.approve else "rejected"
    note(f"{answer.approver} {done} plan {review.plan} of run {review.run[:8]}.")


def _is_of(digest: str, plan: str) -> bool:
    """Tell whether a digest, whole or begun, is the plan's, of which the form shows the first digits."""
    return len(digest) >= _LEAST_DIGEST and (digest.startswith(plan) or plan.startswith(digest))


def _restorable(workspace: Workspace, environment: str) -> Environment:
    wanted = workspace.product.environment(environment)
    if not wanted.restore:
        raise Refused(
            f"{environment} has no restore playbook, so it can't be reverted.",
            f"Name one in reversion.yaml: environments, {environment}, restore.",
        )
    return wanted


def _named(workspace: Workspace, environment: Environment, snapshot: str) -> str:
    """Return the snapshot's whole name. What can't be used is refused here, before a run is started."""
    tags.sync(workspace.repository)
    found = tags.read(workspace.repository, snapshot, environment.name)
    return LATEST_VERIFIED if snapshot == LATEST_VERIFIED else found.tag
