"""A real, throwaway Prefect server and worker for tests: own ports, own home, ended by pid.

    python -m tests.e2e.server HOME

keeps a server for all who use it through `shared_server`, and ends it when the last of them is gone.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from reversion.adapters.serving import settings
from tests.postgresql import has_postgresql, running_postgresql
from tests.sshd import free_port

AUTH = "reversion:for-tests-only"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Server:
    """A server that answers. `environment` is what a client, a worker or a command needs to reach it."""

    url: str
    auth: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
        return kept | {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_HOME": str(self.home),
            "REVERSION_HOME": str(self.home / "reversion"),
            "DO_NOT_TRACK": "1",
        }

    def http(self) -> httpx.Client:
        """Return a bare HTTP client that is logged in, for what a monitor or a browser would send."""
        user, _, password = self.auth.partition(":")
        return httpx.Client(base_url=self.url, auth=(user, password), timeout=30, transport=_Patient())


class _Patient(httpx.HTTPTransport):
    """Sends a request again while the server says that it is busy, as `curl --retry` does."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(4):
            answer = super().handle_request(request)
            if answer.status_code != 503:
                return answer
            answer.close()
            time.sleep(1)
        return super().handle_request(request)


@contextmanager
def running_server(home: Path, *, auth: str = AUTH, database: str = "") -> Iterator[Server]:
    """Run a server with the shipped settings until the block ends; fail loudly when it doesn't come up.

    Without the URL of a `database` it is SQLite.
    """
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}/api", auth, home)
    own = settings("server") | {"PREFECT_SERVER_API_AUTH_STRING": auth}
    own |= {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
    arguments = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
    with running(arguments, server.environment | own, home / "server.log") as process:
        wait_for(lambda: is_up(server, process), 120, f"the server; its log is {home / 'server.log'}")
        yield server


@contextmanager
def shared_server(home: Path) -> Iterator[Server]:
    """Use the one server of this home, together with other processes that do: the first one has it started.

    Its users hold a lock, which even one that is killed lets go of; when all have, the server ends.
    """
    home.mkdir(exist_ok=True)
    with (home / "users").open("w") as users, (home / "starting").open("w") as starting:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not _address(home).exists():
            _have_kept(home)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield Server(_address(home).read_text(), AUTH, home)


def _have_kept(home: Path) -> None:
    """Start the keeper, in a session of its own: who interrupts the tests must not end it first."""
    log = home / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.server", str(home)],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
    wait_for(lambda: _address(home).exists() or _gone(keeper, log), 180, f"the keeper; its log is {log}")


def keep(home: Path) -> None:
    """Run the server for those who hold the lock, the first of whom has started this, until nobody does."""
    with (
        (home / "users").open("w") as users,
        _database() as database,
        running_server(home, database=database) as server,
    ):
        draft = home / "address.draft"
        draft.write_text(server.url)
        draft.rename(_address(home))
        fcntl.flock(users, fcntl.LOCK_EX)
        _address(home).unlink()


@contextmanager
def _database() -> Iterator[str]:
    """Run PostgreSQL where this machine has it: three workers of pytest at once are too many writers for SQLite."""
    if not has_postgresql():
        yield ""
        return
    with running_postgresql() as database:
        yield f"postgresql+asyncpg://{database.address}"


def _address(home: Path) -> Path:
    return home / "address"


@contextmanager
def running_worker(server: Server, pool: str, extra: Mapping[str, str] = {}) -> Iterator[int]:
    """Run a process worker for a work pool until the block ends; yield its pid."""
    log = server.home / f"worker-{pool}.log"
    environment = server.environment | settings("worker") | {"PYTHONUNBUFFERED": "1"} | dict(extra)
    with running(("worker", "start", "--pool", pool, "--type", "process"), environment, log) as process:
        wait_for(lambda: "started!" in log.read_text() or _gone(process, log), 90, f"the worker; see {log}")
        yield process.pid


@contextmanager
def running(
    arguments: tuple[str, ...], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one Prefect command in a process group of its own, and end the whole group with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_up(server: Server, process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the server answers; raise when its process has ended."""
    _gone(process, server.home / "server.log")
    address = httpx.URL(server.url)
    with socket.socket() as probe:
        if probe.connect_ex((address.host, address.port)):
            return False
    try:
        return httpx.get(f"{server.url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def wait_for(question: Callable[[], bool], seconds: float, what: str, *, every: float = 0.2) -> None:
    """Ask again and again until the answer is yes; raise TimeoutError naming what was waited for."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def _gone(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"it ended with {process.returncode}:\n{log.read_text()[-3000:]}")
    return False


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
