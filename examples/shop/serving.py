"""`reversion serve` in the background of the story: Prefect's server, its worker, the deployments."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.shop.layout import Shop
from examples.shop.processes import note_pid
from examples.shop.telling import StoryEndedError, start_reversion


@dataclass(frozen=True)
class Served:
    """A server that is coming up, or is up."""

    process: "subprocess.Popen[bytes]"
    log: Path
    page: str

    def wait_until_up(self) -> None:
        """Wait for server, deployments and worker, for up to three minutes; raise StoryEndedError."""
        for _ in range(900):
            if b"is up." in self.log.read_bytes():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise StoryEndedError(f"'reversion serve' does not come up: {self.log.read_text()[-600:]}")


@contextlib.contextmanager
def served(shop: Shop) -> Iterator[Served]:
    """Start it on a free port of the loopback, and end it with the block."""
    port, log = _free_port(), shop.directory / "serve.log"
    process = start_reversion(shop, log, "serve", "--port", str(port), "--no-auth")
    note_pid(shop.directory, "serve", process.pid)
    try:
        yield Served(process, log, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
