"""A small product deployed on a real server with a real worker, and what a person does with it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from reversion.adapters.approvals import Approvals
from reversion.adapters.prefect_api import Address, PrefectApi
from reversion.adapters.runs import Runs, Wanted
from reversion.history import Answer, RunDetail, RunRecord
from tests.e2e.server import Server, running_worker, wait_for
from tests.small_product import SmallProduct

OLD = {"cart": "1.0.0", "pay": "1.0.0", "web": "1.0.0"}
NEW = {"cart": "1.1.0", "pay": "1.1.0", "web": "1.1.0"}
PATIENCE = 240


@dataclass(frozen=True)
class Stand:
    """The small product with its server; `snapshots` maps environments to the verified snapshot of 1.0.0."""

    small: SmallProduct
    server: Server
    snapshots: dict[str, str]

    @cached_property
    def api(self) -> PrefectApi:
        return PrefectApi(Address(url=self.server.url, auth=self.server.auth))

    @property
    def runs(self) -> Runs:
        return Runs(self.api)

    @property
    def approvals(self) -> Approvals:
        return Approvals(self.api)

    def command(
        self, *arguments: str, module: str = "reversion.cli", said: IO[str] | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `reversion --product P ...` as a person would; with `said`, what it says on the way goes there."""
        return subprocess.run(
            [sys.executable, "-m", module, "--product", str(self.small.product), *arguments],
            env=self.server.environment | extra,
            stdout=subprocess.PIPE,
            stderr=said or subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
        )

    def start(self, environment: str = "staging", snapshot: str = "") -> str:
        wanted = Wanted(
            product=self.small.name, environment=environment, snapshot=snapshot or self.snapshots[environment]
        )
        return self.runs.start(wanted, key=f"test-{time.monotonic_ns()}")

    def start_and_wait(self, environment: str = "staging", snapshot: str = "") -> str:
        """Start a reversion and wait until it asks."""
        run = self.start(environment, snapshot)
        self.wait_until(run, "Waits for approval")
        return run

    def answer(self, run: str, *, approve: bool = True, approver: str = "Ana") -> None:
        review = self.approvals.review(run)
        self.approvals.answer(review, Answer(approve=approve, approver=approver, reason="OPS-7", acknowledge=True))

    def prefect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of Prefect's own."""
        return subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            env=self.server.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def wait_until(self, run: str, told: str, *, after: RunRecord | None = None) -> RunRecord:
        """Wait until the run is told so; fail with its story where it ends otherwise, `after` an earlier end."""
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            before, seen = seen, self.api.read(f"/flow_runs/{run}")["state"]["id"]
            if seen == before:
                return False
            record = self.runs.status(run)
            is_old = after is not None and record.state.at == after.state.at
            if record.state.is_final and record.told != told and not is_old:
                raise AssertionError(f"ended as {record.told}, not {told}: {record.state.message}")
            return record.told == told and not is_old

        wait_for(is_there, PATIENCE, f"run {run} to be '{told}'", every=1.0)
        return self.runs.status(run)

    def end_all(self) -> None:
        """Cancel what an earlier test left behind when it failed."""
        for run in self.runs.history(self.small.name, None, 50):
            if not run.state.is_final:
                self.api.ask(f"/flow_runs/{run.id}/set_state", {"state": {"type": "CANCELLED"}, "force": True})

    def begin_anew(self) -> None:
        """Let staging and uat run 1.1.0 again, with nothing broken and no run under way."""
        self.end_all()
        self.small.run("staging", **NEW)
        self.small.run("uat", **NEW)
        for name in ("red", "broken-cart", "meddling"):
            (self.small.root / name).unlink(missing_ok=True)

    def detail(self, run: str) -> RunDetail:
        return self.runs.detail(run)


def deploy(server: Server, small: SmallProduct, *environments: str) -> Stand:
    """Take verified snapshots of 1.0.0 in these environments, move them on to 1.1.0, and deploy the product."""
    stand = Stand(small, server, {})
    for environment in environments:
        small.run(environment, **OLD)
        done = stand.command("snapshot", environment, "--test")
        assert done.returncode == 0, done.stderr
        stand.snapshots[environment] = done.stdout.split()[0]
        small.run(environment, **NEW)
    done = stand.command(module="deployments.deploy")
    assert done.returncode == 0, done.stderr
    return stand


@contextmanager
def a_stand(server: Server, small: SmallProduct, *environments: str) -> Iterator[Stand]:
    """Deploy the product with a snapshot of these environments, and run a worker."""
    stand = deploy(server, small, *environments)
    with running_worker(server, f"reversion-{small.name}", {"PYTHONPATH": str(Path.cwd())}):
        yield stand
