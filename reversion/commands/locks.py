"""`reversion locks` and `unlock`: which run has each environment, and taking it away from one that is stuck."""

from datetime import UTC, datetime

import click

from reversion.adapters.holds import Holds
from reversion.adapters.locks import Locks
from reversion.commands.connecting import connect
from reversion.commands.naming import given, with_reason
from reversion.commands.printing import note, print_json, print_table
from reversion.holds import Hold, local
from reversion.locks import Lock
from reversion.operations.unlocking import unlock
from reversion.operations.workspace import open_workspace

_HEADS = ("Environment", "Lock", "Run", "Since", "Approved by", "Deployments")


@click.command("locks")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def locks_command(product: str, as_json: bool) -> None:
    """Show for every environment which run has it or waits for it, and what holds deployments off."""
    workspace = open_workspace(product, refresh=False)
    api, name = connect(workspace).api, workspace.product.product
    locks, held = Locks(api, name), Holds(api, name).in_force()
    seen = [
        (locks.look(environment), tuple(hold for hold in held if hold.environment == environment))
        for environment in workspace.product.environments
    ]
    if as_json:
        print_json([{"lock": lock, "holds": holds} for lock, holds in seen])
    else:
        print_table(_HEADS, (_row(lock, holds) for lock, holds in seen))


@click.command("unlock")
@click.argument("environment")
@with_reason
@click.option("--force", is_flag=True, help="Cancel the run that has it, where that is at work.")
@click.pass_obj
def unlock_command(product: str, /, environment: str, reason: str, name: str, force: bool) -> None:
    """Free ENVIRONMENT from a run that has it and should not; the history keeps who did that and why.

    A run that died frees it by itself, a minute later. While the run is at work this is refused, or, with --force,
    the run is cancelled first and the environment left as it then is.
    """
    who = given(name, reason)
    workspace = open_workspace(product, refresh=False)
    workspace.product.environment(environment)
    if force:
        note("A run that is at work is cancelled first; that may take a minute.")
    print(unlock(connect(workspace).api, workspace.product.product, environment, who, force=force))


def _row(lock: Lock, holds: tuple[Hold, ...]) -> tuple[str, ...]:
    run = lock.occupant
    told = (f"{run.run[:8]} {run.name}", local(run.since) if run.since else "", run.by) if run else ("", "", "")
    state = f" ({run.state.told})" if run and lock.word == "held" else ""
    deployments = "; ".join(hold.told(datetime.now(UTC)) for hold in holds) or "free"
    return (lock.environment, lock.word + state, *told, deployments)
