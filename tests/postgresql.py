"""A throwaway PostgreSQL on the loopback, run as a user without privileges; it can be killed and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sshd import free_port


@dataclass(frozen=True)
class PostgreSQL:
    """A server with its data in `place`; `as_user` begins each command of it."""

    place: Path
    port: int
    as_user: tuple[str, ...]

    @property
    def address(self) -> str:
        """Return user, host, port and the database that is always there, as the end of a URL."""
        return f"reversion@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        self._run("initdb", "-A", "trust", "-U", "reversion", "--no-sync")

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-w", "-l", str(self.place / "log"), "-o", options, "start")

    def kill(self) -> None:
        """End its main process without warning, and wait for those below it, which notice and end too."""
        main = int((self.place / "data" / "postmaster.pid").read_text().split()[0])
        below = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        os.kill(main, signal.SIGKILL)
        while any(Path("/proc", pid).exists() for pid in (str(main), *below)):
            time.sleep(0.05)

    def _run(self, tool: str, *arguments: str) -> None:
        command = (*self.as_user, _initdbs()[-1].with_name(tool), "-D", self.place / "data", *arguments)
        subprocess.run(command, check=True, cwd=self.place, capture_output=True)


def has_postgresql() -> bool:
    return bool(_initdbs())


def _initdbs() -> list[Path]:
    """Return the commands of this name, the one to use last: it stands beside the others."""
    found = shutil.which("initdb")
    return [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), *([Path(found)] if found else [])]


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Make a server and run it until the block ends."""
    place = Path(tempfile.mkdtemp(prefix="reversion-postgresql-"))
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(place, user.pw_uid, user.pw_gid)
        as_user = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    made = PostgreSQL(place, free_port(), as_user)
    made.make()
    made.start()
    try:
        yield made
    finally:
        made.kill()
        shutil.rmtree(place)
