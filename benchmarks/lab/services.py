"""The services of the laboratory: which runs where, moved to a version directly, and looked at directly."""

import json
import shutil
import tarfile
import urllib.request
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from benchmarks.lab.compiling import compile_program
from benchmarks.lab.hosts import Host

OLD, NEW = "1.0.0", "1.1.0"
_FIRST_PORT = 8001
_FILLING = b"a release has more than a number\n" * 300
_MOVE = """\
mkdir -p /srv/apps/{name}
find /srv/apps/{name} -mindepth 1 ! -name service.pid -delete
mkdir -p /srv/apps/{name}/releases/{version}
tar -xzf /srv/artifacts/{name}-{version}.tar.gz -C /srv/apps/{name}/releases/{version}
ln -sfn /srv/apps/{name}/releases/{version} /srv/apps/{name}/current
/srv/bin/service /srv/apps/{name} {port}
"""


@dataclass(frozen=True)
class Placed:
    """One service: its host and the port where it answers there."""

    name: str
    host: Host
    port: int


class Services:
    """All services, spread evenly over the hosts."""

    def __init__(self, hosts: tuple[Host, ...], count: int) -> None:
        self.hosts = hosts
        self.all = tuple(
            Placed(f"s{n:03}", hosts[n % len(hosts)], _FIRST_PORT + n // len(hosts)) for n in range(count)
        )

    def install(self) -> None:
        """Put the program and the artefacts of both versions on every host."""
        for host in self.hosts:
            for folder in ("apps", "artifacts", "bin"):
                (host.srv / folder).mkdir(parents=True)
        program = self.hosts[0].srv / "bin" / "service"
        compile_program("service.c", program)
        for host in self.hosts[1:]:
            shutil.copy(program, host.srv / "bin" / "service")
        for placed in self.all:
            for version in (OLD, NEW):
                _pack(placed.host.srv / "artifacts" / f"{placed.name}-{version}.tar.gz", version)

    def set_startup(self, milliseconds: int, *, waits: bool) -> None:
        """Let services be healthy only so long after their start; `waits` makes the restart wait for that."""
        for host in self.hosts:
            (host.srv / "startup").write_text(f"{milliseconds} {int(waits)}\n")

    def move(self, version: str, *, only: Collection[str] = ()) -> None:
        """Let all services, or only some, run a version, and leave nothing of other releases."""
        chosen = [placed for placed in self.all if not only or placed.name in only]
        for host in self.hosts:
            mine = [placed for placed in chosen if placed.host is host]
            script = "".join(_MOVE.format(name=one.name, version=version, port=one.port) for one in mine)
            host.run(script)
        for one in chosen:
            self._await(one)

    def check(self, wanted: Mapping[str, str]) -> None:
        """Make sure that each service answers with its version, from the release of it; raise AssertionError."""
        with ThreadPoolExecutor(16) as pool:
            seen = dict(zip((one.name for one in self.all), pool.map(_seen, self.all), strict=True))
        wrong = {name: found for name, found in seen.items() if found != (wanted[name],) * 2}
        assert not wrong, f"{len(wrong)} of {len(seen)} services are not as wanted: {dict(list(wrong.items())[:5])}"

    def everywhere(self, version: str) -> dict[str, str]:
        return {one.name: version for one in self.all}

    def _await(self, placed: Placed) -> None:
        for _ in range(100):
            if _seen(placed)[0]:
                return
        raise RuntimeError(f"{placed.name} does not answer on {placed.host.name}")


def _seen(placed: Placed) -> tuple[str, str]:
    """Return the version that the process tells, and the one that the link `current` leads to."""
    link = (placed.host.srv / "apps" / placed.name / "current").readlink().name
    address = f"http://{placed.host.address}:{placed.port}/version"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=10) as answer:
            return str(json.load(answer)["version"]), link
    except OSError as error:
        return f"no answer: {error}", link


def _pack(path: Path, version: str) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (("VERSION", version.encode()), ("filling.txt", _FILLING)):
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(content), 0o644
            archive.addfile(about, BytesIO(content))
