"""`reversion snapshot`: tag what an environment runs now."""

import getpass
import os

import click

from reversion.commands.printing import note, print_json
from reversion.operations import tagging, verifying
from reversion.operations.workspace import Workspace, open_workspace
from reversion.product import Environment
from reversion.snapshot import TakenBy


@click.command("snapshot")
@click.argument("environment")
@click.option("--label", default="", help="A name for people, such as a release.")
@click.option(
    "--test/--no-test",
    default=None,
    help="Run the production tests first. Default: as the product file says.",
)
@click.option("--skip-unchanged", is_flag=True, help="Take none where nothing has changed since the newest one.")
@click.option("--json", "as_json", is_flag=True, help="Print the snapshot as JSON.")
@click.pass_obj
def snapshot_command(
    product: str, environment: str, label: str, test: bool | None, skip_unchanged: bool, as_json: bool
) -> int:
    """Take a snapshot of what ENVIRONMENT runs now. Exits with 1 when it is not complete or its tests failed."""
    workspace = open_workspace(product)
    wanted = workspace.product.environment(environment)
    verified = _verify(workspace, wanted) if (wanted.test_before_snapshot if test is None else test) else None
    by = TakenBy(kind="person", name=os.environ.get("SUDO_USER") or getpass.getuser())
    request = tagging.Request(by=by, label=label, verified=verified, skip_unchanged=skip_unchanged)
    taken = tagging.take(workspace, wanted, request)
    if as_json:
        print_json(taken)
    else:
        print(taken.recorded.tag)
        _tell(taken)
    return 0 if taken.recorded.snapshot.complete and verified is not False else 1


def _verify(workspace: Workspace, environment: Environment) -> bool:
    passed = True
    for test in workspace.product.tests_of(environment):
        check = verifying.verify(workspace, environment, test)
        note(f"{test.name}: {'passed' if check.passed else check.message} ({len(check.cases)} cases)")
        passed = passed and check.passed
    return passed


def _tell(taken: tagging.Taken) -> None:
    snapshot = taken.recorded.snapshot
    if not taken.is_new:
        note("Nothing has changed since this snapshot, so no new one was taken.")
    for name, service in snapshot.services.items():
        if service.problem:
            note(f"{name}: {service.problem}")
