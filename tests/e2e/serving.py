"""`reversion serve` as its operator sees it, and a person at a terminal."""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.server import wait_for
from tests.small_product import SmallProduct
from tests.sshd import free_port


@dataclass
class Serving:
    """A product that `reversion serve` serves, as its operator sees it."""

    small: SmallProduct
    port: int
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.small)

    @property
    def home(self) -> Path:
        return self.small.directory / "state" / self.small.name

    def command(self, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reversion.cli", *arguments],
            env=self.environment | options,
            capture_output=True,
            text=True,
            timeout=280,
            stdin=subprocess.DEVNULL,
        )

    def history(self, *arguments: str) -> list[dict[str, object]]:
        read = self.command("history", "--json", *arguments)
        assert read.returncode == 0, read.stderr
        listed: list[dict[str, object]] = json.loads(read.stdout)
        return listed

    def said(self, text: str) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}: {self.log.read_text()}")
        return text in self.log.read_text()


def environment_of(small: SmallProduct) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "REVERSION_"))}
    return kept | {
        "REVERSION_HOME": str(small.directory / "state"),
        "REVERSION_PRODUCT": str(small.product),
        "PYTHONPATH": str(Path.cwd()),
    }


@contextmanager
def serving(small: SmallProduct, *options: str, port: int = 0, password: str = "") -> Iterator[Serving]:
    """Run `reversion serve` until the block ends; what it is asked then is what Ctrl-C asks."""
    port, log = port or free_port(), small.directory / "serve.log"
    given = {"REVERSION_AUTH": password} if password else {}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "reversion.cli", "serve", "--port", str(port), *options],
            env=environment_of(small) | given,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    served = Serving(small, port, process, log)
    try:
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


class Terminal:
    """A command in a terminal of its own, and a person who reads and types."""

    def __init__(self, served: Serving, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.seen = ""
        self._asked = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reversion.cli", *arguments],
            env=served.environment | {"TERM": "dumb", "COLUMNS": "200"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def read_until(self, text: str, after: int = 0) -> None:
        try:
            wait_for(lambda: self._read() and text in self.seen[after:], 200, text)
        except TimeoutError as error:
            raise AssertionError(f"never said {text!r}: {self.seen[-3000:]}") from error

    def reply(self, question: str, answer: str) -> None:
        self.read_until(question, self._asked)
        self._asked = len(self.seen)
        self.type(answer + "\n")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        try:
            wait_for(lambda: self._read() and self._process.poll() is not None, 200, "the end")
        except TimeoutError as error:
            raise AssertionError(f"never ended: {self.seen[-3000:]}") from error
        self._read()
        return self._process.returncode

    def _read(self) -> bool:
        while select.select([self._master], [], [], 0)[0]:
            try:
                block = os.read(self._master, 65_536)
            except OSError:
                break
            if not block:
                break
            self.seen += block.decode("utf-8", "replace")
        return True


def family(pid: int) -> list[int]:
    """Return a process's children, and theirs."""
    listed = [int(line.split()[0]) for line in processes() if int(line.split()[1]) == pid]
    return listed + [below for child in listed for below in family(child)]


def processes() -> list[str]:
    done = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.split()[2].startswith("Z")]
