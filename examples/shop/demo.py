"""The story of one reversion, told on the example shop: real services, real Ansible, a real Prefect server."""

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from examples.shop import hosts, seen
from examples.shop.build import build
from examples.shop.environments import DeploymentFailed, deploy_all, stop
from examples.shop.layout import ENVIRONMENTS, Shop
from examples.shop.serving import served
from examples.shop.telling import (
    StoryEndedError,
    Telling,
    production_test,
    reversion,
    reversion_says,
    show,
    step,
)
from examples.shop.update import update_staging

APPROVER = "ana@example.com"
OTHERS = tuple(name for name in ENVIRONMENTS if name != "staging")


def tell(directory: Path | None = None, *, yes: bool = False, ssh: bool = False, keep: bool = False) -> int:
    """Tell the whole story and return an exit code. Everything is ended and removed, however it ends.

    With `yes` the plan is approved without asking; with `keep` the directory stays, though nothing in it runs.
    """
    with _stage(directory, keep) as folder:
        try:
            return _story(folder, yes, ssh)
        except (StoryEndedError, DeploymentFailed) as error:
            print(f"\nThe story ends here: {error}", file=sys.stderr)
            return 3


def _story(directory: Path, yes: bool, ssh: bool) -> int:
    told = Telling()
    told.chapter("A product", "A shop of seven small services, each with its own Git repository and history.")
    with step("Building it"):
        shop = build(directory, ssh=ssh)
    with served(shop) as server:
        _deploy(told, shop, ssh)
        with step("Waiting for Prefect's server and worker"):
            server.wait_until_up()
        reversion(shop, "board")
        tag = _snapshot(told, shop)
        _update(told, shop)
        before = {name: seen.look(shop, name) for name in OTHERS}
        code = _revert(told, shop, tag, yes)
        code = _prove(told, shop, before) if code == 0 else code
        told.chapter("The history", "What was decided, by whom and how it ended can be read back at any time.")
        reversion(shop, "history", "staging")
        print(f"\nTold in {told.seconds():.0f} s.", flush=True)
        if not yes and sys.stdin.isatty():
            input(f"Look around in the browser at {server.page}, then press Enter to end and remove it all. ")
    return code


def _deploy(told: Telling, shop: Shop, ssh: bool) -> None:
    told.chapter("Five environments", "Dev, Test, UAT, Staging and Live run five different sets of versions.")
    if ssh:
        with step("Starting an SSH server for each of the ten hosts"):
            hosts.start(shop)
    show("ansible-playbook -i ansible/inventories/staging ansible/deploy.yml -e @release.json   (and four more)")
    with step("Deploying forty instances with Ansible"):
        deploy_all(shop)


def _snapshot(told: Telling, shop: Shop) -> str:
    told.chapter("The nightly snapshot", "Staging is stable: its production tests pass, so it is tagged as it is.")
    return reversion_says(shop, "snapshot", "staging").split()[0]


def _update(told: Telling, shop: Shop) -> None:
    told.chapter("Somebody updates Staging", "A release that nobody tested well goes from Test to Staging.")
    show("ansible-playbook -i ansible/inventories/staging ansible/deploy.yml -e @release.json")
    with step("Deploying it with Ansible"):
        update_staging(shop)
    told.chapter("Staging is broken", "Customers would be charged wrong amounts: the release must not go live.")
    if production_test(shop, "staging", "checkout") != 1:
        raise StoryEndedError("the bad release should have failed its production tests.")


def _revert(told: Telling, shop: Shop, tag: str, yes: bool) -> int:
    told.chapter("The reversion", "Review in features what going back means, and approve exactly that plan.")
    answers = ("--yes", "--as", APPROVER, "--acknowledge") if yes else ()
    if not yes:
        print(f"   You are asked in a moment. Approvers are {APPROVER} and bo@example.com.")
    return reversion(shop, "revert", "staging", tag, "--reason", "OPS-1: wrong charges", *answers)


def _prove(told: Telling, shop: Shop, before: dict[str, seen.Seen]) -> int:
    told.chapter("The proof", "The shop charges right again, and no other environment was touched.")
    code = production_test(shop, "staging", "checkout")
    reversion(shop, "features", "staging", "--state", "complete")
    print("   Fingerprints of what runs, from before and after the reversion:")
    for name in OTHERS:
        was, now = seen.fingerprint(before[name]), seen.fingerprint(seen.look(shop, name))
        print(f"   {name:8} {was} {now}  {'unchanged' if was == now else 'CHANGED'}", flush=True)
        code = code or int(was != now)
    return code


@contextlib.contextmanager
def _stage(directory: Path | None, keep: bool) -> Iterator[Path]:
    """Give a directory for the story; however it ends, end every process of it and remove the directory."""
    folder = directory or Path(tempfile.mkdtemp(prefix="reversion-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty. Name a directory that is, or one to be made.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        yield folder
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print()
        with step("Ending everything"):
            stop(folder)
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
        if keep:
            print(f"   It is all still in {folder}.")
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)
