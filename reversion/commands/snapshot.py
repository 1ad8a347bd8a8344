"""`reversion snapshot`: tag what an environment runs now."""

import getpass
import os

import click

from reversion.commands.printing import note, print_json
from reversion.errors import InvalidInput
from reversion.operations import tagging
from reversion.operations.workspace import open_workspace
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
    if test and not wanted.production_tests:
        raise InvalidInput(
            f"{environment} has no production tests to run.",
            f"Name some at environments.{environment}.production_tests in reversion.yaml.",
        )
    asked = wanted.test_before_snapshot if test is None else test
    verified = tagging.verification(workspace, wanted, note) if asked else tagging.Verification()
    by = TakenBy(kind="person", name=os.environ.get("SUDO_USER") or getpass.getuser())
    request = tagging.Request(by=by, label=label, verification=verified, skip_unchanged=skip_unchanged)
    taken = tagging.take(workspace, wanted, request)
    if as_json:
        print_json(taken)
    else:
        print(taken.recorded.tag)
        _tell(taken)
    return 0 if taken.recorded.snapshot.complete and (not asked or taken.recorded.snapshot.verified) else 1


def _tell(taken: tagging.Taken) -> None:
    snapshot = taken.recorded.snapshot
    if not taken.is_new:
        note("Nothing has changed since this snapshot, so no new one was taken.")
    if snapshot.verified is False:
        note("The snapshot is there, but not verified: production tests failed. So 'latest-verified' never means it.")
    for name, service in snapshot.services.items():
        if service.problem:
            note(f"{name}: {service.problem}")
