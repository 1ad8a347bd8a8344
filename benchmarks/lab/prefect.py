"""A product on a real Prefect server with a real worker: reversions are started, approved and read back."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reversion.adapters.approvals import Approvals
from reversion.adapters.prefect_api import Address, PrefectApi
from reversion.adapters.runs import Runs, Wanted
from reversion.adapters.serving import settings
from reversion.history import WAITING, Answer, RunRecord
from tests.e2e.server import AUTH, Server, is_up, running, wait_for
from tests.sshd import free_port

_UP = 180
_PATIENCE = 7200


@dataclass(frozen=True)
class Control:
    """A server and a product that is deployed there: its name, its repository, the snapshot to go back to."""

    server: Server
    product: str
    root: Path
    snapshot: str

    @property
    def api(self) -> PrefectApi:
        return PrefectApi(Address(url=self.server.url, auth=self.server.auth))

    @property
    def runs(self) -> Runs:
        return Runs(self.api)

    def start(self, environment: str = "staging") -> str:
        """Ask for a reversion of an environment; return the run's id."""
        wanted = Wanted(product=self.product, environment=environment, snapshot=self.snapshot)
        return self.runs.start(wanted, key=f"lab-{time.monotonic_ns()}")

    def until_asked(self, run: str) -> RunRecord:
        return self._until(run, WAITING)

    def approve(self, run: str) -> None:
        approvals = Approvals(self.api)
        answer = Answer(approve=True, approver="Ana", reason="a measurement", acknowledge=True)
        approvals.answer(approvals.review(run), answer)

    def until_proven(self, run: str) -> RunRecord:
        return self._until(run, "Proven")

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `reversion --product P ...` as a person would."""
        return command(self.server, self.root, *arguments)

    def _until(self, run: str, told: str) -> RunRecord:
        def is_there() -> bool:
            record = self.runs.status(run)
            if record.state.is_final and record.told != told:
                raise AssertionError(f"run {run} ended as {record.told}, not {told}: {record.state.message}")
            return record.told == told

        wait_for(is_there, _PATIENCE, f"run {run} to be '{told}'", every=1.0)
        return self.runs.status(run)


def command(
    server: Server, product: Path, *arguments: str, module: str = "reversion.cli"
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", module, "--product", str(product), *arguments],
        env=server.environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"reversion {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done


@contextmanager
def a_server(home: Path, database: str = "") -> Iterator[tuple[Server, int]]:
    """Run a Prefect server with the shipped settings until the block ends; yield it and its process.

    Without the address of a database it keeps its own, SQLite.
    """
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}/api", AUTH, home)
    own = settings("server") | {"PREFECT_SERVER_API_AUTH_STRING": AUTH}
    if database:
        own["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    arguments = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
    with running(arguments, server.environment | own, home / "server.log") as process:
        wait_for(lambda: is_up(server, process), _UP, f"the server; its log is {home / 'server.log'}")
        yield server, process.pid


@contextmanager
def a_worker(server: Server, product: str, extra: Mapping[str, str] = {}) -> Iterator[int]:
    """Run a worker with the shipped settings until the block ends; yield its process."""
    log = server.home / f"worker-{product}.log"
    own = settings("worker") | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path.cwd())} | dict(extra)
    arguments = ("worker", "start", "--pool", f"reversion-{product}", "--type", "process")
    with running(arguments, server.environment | own, log) as process:
        wait_for(lambda: "started!" in log.read_text(), _UP, f"the worker; its log is {log}")
        yield process.pid


def deploy(server: Server, product: Path, *environments: str) -> str:
    """Take a verified snapshot of environments as they are, and deploy the product; return what to go back to."""
    taken = [command(server, product, "snapshot", name, "--test").stdout.split()[0] for name in environments]
    command(server, product, module="deployments.deploy")
    return taken[0] if len(taken) == 1 else "latest-verified"


def phase(control: Control, run: str) -> tuple[datetime, datetime]:
    """Return when the first service (or the configuration) began to be restored and when the last one was done.

    Raise AssertionError where a step did not complete.
    """
    asked = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
    rows: list[dict[str, str]] = []
    while page := control.api.ask("/task_runs/filter", asked | {"offset": len(rows)}):
        rows += page
    restored = [row for row in rows if row["name"].startswith("Restore ")]
    bad = [f"{row['name']}: {row['state_name']}" for row in restored if row["state_type"] != "COMPLETED"]
    assert restored, "the run has no step that restores"
    assert not bad, f"not all steps completed: {bad[:5]}"
    return (
        min(datetime.fromisoformat(row["start_time"]) for row in restored),
        max(datetime.fromisoformat(row["end_time"]) for row in restored),
    )


def settle(control: Control, run: str) -> None:
    """Wait until the server has written down everything of a run: the end of its last step too."""

    def is_written() -> bool:
        asked = {"flow_runs": {"id": {"any_": [run]}}, "task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        return control.api.ask("/task_runs/count", asked) == 0

    wait_for(is_written, 120, "the server to write down the run's steps")


def prepare(folder: Path) -> None:
    """Let everything that is started keep its files below the folder, out of the user's own home."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    (folder / "home" / ".gitconfig").write_text("[user]\n\tname = Ana Example\n\temail = ana@example.com\n")
    os.environ |= {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
