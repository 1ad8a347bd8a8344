"""`reversion serve`: server, deployments and worker of one product on this machine, in one command."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from reversion.adapters import serving
from reversion.adapters.prefect_api import AUTH_FILE, Address, PrefectApi, write_served
from reversion.adapters.processes import Child, Children, Stop
from reversion.adapters.runs import Runs
from reversion.commands.printing import note
from reversion.errors import InvalidInput, ReversionError, UnknownName, WorldFailed
from reversion.operations.workspace import Workspace, open_workspace
from reversion.report import board_key

_PATIENCE = 180.0


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=4200, show_default=True, type=click.IntRange(1, 65535))
@click.option("--worker/--no-worker", default=True, help="Run a worker here too.")
@click.option("--auth/--no-auth", default=True, help="Ask for the user and password of a private file.")
@click.pass_obj
def serve_command(product: str, /, host: str, port: int, worker: bool, auth: bool) -> None:
    """Run server, deployments and worker on this machine until Ctrl-C or SIGTERM."""
    place = serving.Place(host=host, port=port)
    if not auth and not place.is_private:
        raise InvalidInput(f"Without a password nobody else may reach it, as on {host}.", "Omit --no-auth.")
    stop = Stop()
    workspace = open_workspace(product)
    with _alone(workspace), Children(workspace.home / "logs") as children:
        place.require_free()
        secret = serving.secret(workspace.home) if auth else ""
        address = Address(url=f"{place.origin}/api", auth=secret)
        _run(workspace, place, address, children, stop, worker)
    note("Stopped.")


def _run(
    workspace: Workspace, place: serving.Place, address: Address, children: Children, stop: Stop, worker: bool
) -> None:
    environment = serving.environment(workspace.home, address, place)
    note("Starting the Prefect server ...")
    server = children.start("server", serving.server_command(place), environment)
    if not _is_up(address, server, stop):
        return
    write_served(workspace.home, address)
    deployment = children.start("deployment", serving.deploy_command(workspace.root), environment)
    children.finish(deployment, _PATIENCE)
    if worker:
        children.start("worker", serving.worker_command(workspace.product.product), environment)
    _tell(workspace, address, worker)
    while not stop.asked:
        children.check()
        time.sleep(0.3)
    note("Stopping ...")


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Keep a second server away from the same database."""
    with (workspace.home / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            name = workspace.product.product
            raise WorldFailed(f"'reversion serve' of {name} is running already.", "Stop it first.") from error
        yield


def _is_up(address: Address, server: Child, stop: Stop) -> bool:
    """Wait for the server; False when asked to stop meanwhile."""
    end = time.monotonic() + _PATIENCE
    while not stop.asked:
        if serving.answers(address):
            return True
        if not server.is_alive():
            raise WorldFailed(f"The server did not start: {server.last_words()}", f"See {server.log}.")
        if time.monotonic() > end:
            raise WorldFailed(f"The server did not answer in {_PATIENCE:.0f} s.", f"See {server.log}.")
        time.sleep(0.3)
    return False


def _tell(workspace: Workspace, address: Address, worker: bool) -> None:
    name = workspace.product.product
    note(f"Reversion of {name} is up.")
    note(f"  In the browser: {address.page}")
    try:
        deployment = Runs(PrefectApi(address)).deployment(name)
        note(f"  To start a reversion: {address.page}/deployments/deployment/{deployment}/run")
    except UnknownName:
        note("  No environment has a restore playbook, so only snapshots can be taken.")
    except ReversionError as error:
        note(f"  {error}")
    note(f"  Features, after the first snapshot: {address.page}/artifacts/key/{board_key(name)}")
    if address.auth:
        note(f"  User and password: the one line of {workspace.home / AUTH_FILE}")
    note(f"  Logs: {workspace.home / 'logs'}")
    if not worker:
        note(f"  No worker here. To start one: prefect worker start --pool reversion-{name} --type process")
    note("Stop with Ctrl-C.")
