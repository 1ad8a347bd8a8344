"""`reversion hold`, `release` and `check`: keep deployments away from an environment, and ask before one."""

from datetime import UTC, datetime
from uuid import uuid4

import click

from reversion.adapters.holds import Holds
from reversion.adapters.locks import Locks
from reversion.commands.connecting import connect
from reversion.commands.naming import given, with_reason
from reversion.commands.printing import note, print_json
from reversion.errors import Refused
from reversion.holds import Hold, ending
from reversion.operations.workspace import open_workspace
from reversion.product import Environment

_DAY = 86_400
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("hold")
@click.argument("environment")
@with_reason
@click.option("--until", default="", metavar="TIME", help="When it ends: 2026-11-27T08:00, of this machine's clock.")
@click.option("--for", "lasting", default="", metavar="WHILE", help="How long it lasts: 8h, 90m, 2d, 1d12h.")
@json_option
@click.pass_obj
def hold_command(
    product: str, /, environment: str, reason: str, name: str, until: str, lasting: str, as_json: bool
) -> None:
    """Hold deployments to ENVIRONMENT off: 'reversion check' says no, until then or until it is released.

    Without --until and --for it lasts as long as one after a reversion.
    """
    who = given(name, reason)
    wanted, holds = _reach(product, environment)
    end = ending(until, lasting, datetime.now(UTC), wanted.hold or _DAY)
    _print(holds.place(environment, end, who, key=str(uuid4())), as_json)


@click.command("release")
@click.argument("environment")
@with_reason
@click.pass_obj
def release_command(product: str, /, environment: str, reason: str, name: str) -> None:
    """Let deployments to ENVIRONMENT go on: end all of its holds."""
    who = given(name, reason)
    _, holds = _reach(product, environment)
    held = holds.in_force(environment)
    if not held:
        raise Refused(f"{environment} is not on hold.", "'reversion locks' shows all holds.")
    for hold in held:
        holds.release(hold, who)
        print(f"{who.by} released {environment}, which {hold.by} held: {hold.reason}")


@click.command("check")
@click.argument("environment")
@json_option
@click.pass_obj
def check_command(product: str, /, environment: str, as_json: bool) -> int:
    """Ask whether something may be deployed to ENVIRONMENT.

    Exits with 0 when it may, 1 when it is on hold or a run has it to itself, 2 for an unknown name, 3 when the
    server can't be asked.
    """
    _, holds = _reach(product, environment)
    lock = Locks(holds.api, holds.product).look(environment)  # first: a run places its hold before it frees this
    held = holds.in_force(environment)
    is_free = not held and not lock.keeps_off
    if as_json:
        print_json({"environment": environment, "free": is_free, "holds": held, "lock": lock})
        return 0 if is_free else 1
    if is_free:
        print(f"{environment} is free to deploy to.")
    elif lock.keeps_off:
        print(lock.keeps_off)
        note(lock.occupant.page if lock.occupant else "'reversion locks' shows all locks.")
    for hold in held:
        _print(hold, as_json=False)
    return 0 if is_free else 1


def _reach(product: str, environment: str) -> tuple[Environment, Holds]:
    workspace = open_workspace(product, refresh=False)
    wanted = workspace.product.environment(environment)
    return wanted, Holds(connect(workspace).api, workspace.product.product)


def _print(hold: Hold, as_json: bool) -> None:
    if as_json:
        print_json(hold)
        return
    print(f"{hold.told(datetime.now(UTC))} (run {hold.id[:8]})")
    note(hold.page)
