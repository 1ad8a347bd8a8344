"""A server and a worker of their own, whose processes can be killed without warning and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from reversion.adapters.serving import settings
from tests.e2e.server import AUTH, Server, is_up, wait_for
from tests.e2e.stand import Stand, deploy
from tests.small_product import RESTORE, SmallProduct, make_small_product
from tests.sshd import free_port

POOL = "reversion-crashed"


@dataclass
class Killable:
    """The small product on a server and a worker, each a process that can be killed with all that it started."""

    stand: Stand
    port: int
    database: Mapping[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def small(self) -> SmallProduct:
        return self.stand.small

    def start_server(self) -> None:
        own = settings("server") | {"PREFECT_SERVER_API_AUTH_STRING": AUTH} | dict(self.database)
        self._start("server", ("server", "start", "--host", "127.0.0.1", "--port", str(self.port)), own)
        wait_for(lambda: is_up(self.stand.server, self.processes["server"]), 180, "the server")

    def start_worker(self) -> None:
        own = settings("worker") | {"PYTHONPATH": str(Path.cwd()), "PYTHONUNBUFFERED": "1"}
        self._start("worker", ("worker", "start", "--pool", POOL, "--type", "process"), own)
        wait_for(lambda: "started!" in self.log("worker").read_text(), 120, "the worker")

    def log(self, name: str) -> Path:
        return self.stand.server.home / f"{name}.log"

    def _start(self, name: str, arguments: tuple[str, ...], own: dict[str, str]) -> None:
        with self.log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                env=self.stand.server.environment | own,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill the server, or the worker, itself; what the worker has started goes on."""
        self.processes[name].kill()
        self.processes[name].wait()

    def flow_processes(self) -> list[int]:
        """Return the processes of runs at work, found below the worker, or adopted by init since."""
        return [pid for pid in self.mine() if b"prefect.engine" in command_of(pid)]

    def kill_flow(self) -> None:
        """Kill the process of the run at work."""
        found = self.flow_processes()
        assert found
        for pid in found:
            os.kill(pid, signal.SIGKILL)

    def a_run_heard_of(self, ago: float) -> str:
        """Make a run that no worker has, and that said some seconds ago that it lives."""
        deployment = self.stand.runs.deployment(self.small.name)
        order = {
            "flow_id": self.stand.api.read(f"/deployments/{deployment}")["flow_id"],
            "deployment_id": deployment,
            "parameters": {"environment": "uat"},
            "state": {"type": "PENDING"},
        }
        run = str(self.stand.api.ask("/flow_runs/", order)["id"])
        alive = {
            "id": str(uuid4()),
            "event": "prefect.flow-run.heartbeat",
            "occurred": (datetime.now(UTC) - timedelta(seconds=ago)).isoformat(),
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
            "related": [
                {"prefect.resource.id": f"prefect.deployment.{deployment}", "prefect.resource.role": "deployment"}
            ],
        }
        self.stand.api.ask("/events", [alive])
        return run

    def ansible_processes(self) -> list[int]:
        return [pid for pid in self.mine() if b"ansible-playbook" in command_of(pid)]

    def mine(self) -> list[int]:
        """Return every process that knows this server's home."""
        home = os.fsencode(str(self.small.root))
        about = os.fsencode(f"PREFECT_HOME={self.stand.server.home}")
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                is_mine = about in (entry / "environ").read_bytes().split(b"\0")
                is_its_play = b"reversion-run-" in (entry / "cmdline").read_bytes() and home in _inventory(entry)
            except OSError:
                continue
            if is_mine or is_its_play:
                found.append(int(entry.name))
        return found

    def hold(self, what: str) -> Path:
        """Let what is named (`restore-pay`, `tests`) wait in its middle until the returned file is removed."""
        path = self.small.root / f"hold-{what}"
        path.touch()
        return path

    def in_the_middle_of(self, what: str) -> tuple[str, Path]:
        """Bring an approved reversion of staging there; return it, and the file that holds it."""
        held = self.hold(what)
        run = self.stand.start_and_wait()
        self.stand.answer(run)
        self.wait_until_held(what)
        return run, held

    def wait_until_held(self, what: str) -> None:
        wait_for((self.small.root / f"held-{what}").exists, 240, f"{what} to be in its middle")

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        for pid in self.mine():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return b""


def _inventory(entry: Path) -> bytes:
    """Return the inventory of an ansible-playbook, which tells whose it is."""
    words = (entry / "cmdline").read_bytes().split(b"\0")
    path = words[words.index(b"-i") + 1] if b"-i" in words else b""
    return Path(os.fsdecode(path)).read_bytes() if path else b""


RESTORE_HOLDS = """\
    - name: Tell that it is in the middle
      ansible.builtin.copy: {content: "", dest: "{{ root }}/held-restore-{{ reversion_service }}"}
      when: (root ~ '/hold-restore-' ~ reversion_service) is exists
    - name: Wait where it is held
      ansible.builtin.wait_for: {path: "{{ root }}/hold-restore-{{ reversion_service }}", state: absent, timeout: 600}
      when: (root ~ '/hold-restore-' ~ reversion_service) is exists
"""
RESTORE_COUNTS = """\
    - name: Count how often it was restored
      ansible.builtin.shell: "echo once >> {{ root }}/restored-{{ reversion_service }}"
"""
TEST_HOLDS = "test ! -e hold-tests || { touch held-tests; while test -e hold-tests; do sleep 0.2; done; };"


@contextmanager
def killable(directory: Path, database: str = "") -> Iterator[Killable]:
    """Build the product with things to hold on to, a verified snapshot of 1.0.0, and 1.1.0 running; start all.

    Without the URL of a `database`, the server has SQLite.
    """
    restore = RESTORE + RESTORE_HOLDS + RESTORE_COUNTS
    small = make_small_product(directory, name="crashed", environments=("staging", "uat"), restore=restore)
    text = (small.product / "reversion.yaml").read_text()
    small.git().commit(
        "Hold where asked",
        {
            "reversion.yaml": text.replace(f"cd {small.root};", f"cd {small.root}; {TEST_HOLDS}", 1).replace(
                "    timeout: 20\n", "    timeout: 600\n", 1
            ),
        },
    )
    port = free_port()
    home = directory / "prefect"
    home.mkdir()
    server = Server(f"http://127.0.0.1:{port}/api", AUTH, home)
    own = {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
    made = Killable(Stand(small, server, {}), port, own)
    try:
        made.start_server()
        made.stand.snapshots.update(deploy(server, small, "staging").snapshots)
        made.start_worker()
        yield made
    finally:
        made.end()


def times_restored(small: SmallProduct, service: str) -> int:
    counted = small.root / f"restored-{service}"
    return len(counted.read_text().splitlines()) if counted.exists() else 0


def gone(question: list[int], seconds: float = 20) -> bool:
    """Tell whether these processes are gone within some seconds."""
    end = time.monotonic() + seconds
    while any(command_of(pid) for pid in question) and time.monotonic() < end:
        time.sleep(0.2)
    return not any(command_of(pid) for pid in question)
