"""A tiny web service that is kept in releases, for tests: it says its release's version and its configuration."""

import hashlib
import io
import os
import signal
import socket
import sys
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE = """
import http.server, json, pathlib, sys
here = pathlib.Path(__file__).resolve().parent
version = here.joinpath("VERSION").read_text().strip()
config = here.joinpath("config.json")
told = {"app": {"version": version}, "config": json.loads(config.read_text()) if config.exists() else None}

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

if version != "broken":
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
RESTART = """
import contextlib, os, pathlib, signal, subprocess, sys, time
root, port = pathlib.Path(sys.argv[1]), sys.argv[2]
with contextlib.suppress(OSError, ValueError):
    pid = int((root / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    state = pathlib.Path(f"/proc/{pid}/stat")
    while state.exists() and state.read_text().split()[2] != "Z":
        time.sleep(0.01)
with open(root / "restarts", "a") as count:
    count.write("x")
started = subprocess.Popen([sys.executable, str(root / "current" / "service.py"), port])
(root / "pid").write_text(str(started.pid))
"""


@dataclass(frozen=True)
class Service:
    """One service in its own folder, and the port it answers at."""

    root: Path
    port: int

    def wanted(self, version: str, artefact: Path, **more: Any) -> dict[str, Any]:
        """Build the module's arguments; the artefact's checksum is the right one."""
        return {
            "root": str(self.root),
            "version": version,
            "src": str(artefact),
            "checksum": sha256(artefact),
            "command": [sys.executable, str(self.root.parent / "restart.py"), str(self.root), str(self.port)],
            "health": {"url": self.url, "field": "app.version", "timeout": 20},
            **more,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/version"

    @property
    def restarts(self) -> int:
        counted = self.root / "restarts"
        return len(counted.read_text()) if counted.exists() else 0

    def linked(self, name: str) -> str:
        return str((self.root / name).readlink())

    def stop(self) -> None:
        with suppress(OSError, ValueError):
            os.kill(int((self.root / "pid").read_text()), signal.SIGKILL)


def a_service(folder: Path) -> Service:
    (folder / "restart.py").write_text(RESTART)
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Service(folder / "cart", free.getsockname()[1])


def an_artefact(folder: Path, version: str, says: str | None = None) -> Path:
    """Pack the service as a version; `says` is what it answers, where that is another one."""
    path = folder / f"cart-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"service.py": SERVICE, "VERSION": says or version}.items():
            add(archive, name, text.encode())
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **about: Any) -> None:
    """Add a member; `about` are attributes of its header."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in about.items():
        setattr(member, attribute, value)
    archive.addfile(member, io.BytesIO(content))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sha256(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
