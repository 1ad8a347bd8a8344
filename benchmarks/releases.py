"""What it costs to restore a service by releases: the collection's module next to six stock tasks.

    python -m benchmarks.releases [SERVICES] [RUNS]

Each service is a host of its own with a local connection, in one run of ansible-playbook. What its interpreter uses
counts as the host's, the rest as the controller's.
"""

import http.server
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
VERSION = "1.4.0"
ROOT = "{{ base }}/{{ inventory_hostname }}"
RELEASE = f"{ROOT}/releases/{VERSION}"
CONFIG = '{"pool": 4}'


def one_task(artefact: Path, url: str) -> list[dict[str, Any]]:
    wanted = {"root": ROOT, "version": VERSION, "src": str(artefact), "command": ["true"]}
    config = [{"dest": "config.json", "content": CONFIG}]
    return [{"reversion.deploy.release": {**wanted, "config": config, "health": {"url": url, "field": "version"}}}]


def six_tasks(artefact: Path, url: str) -> list[dict[str, Any]]:
    builtin = "ansible.builtin."
    asked = {f"{builtin}uri": {"url": url}, "register": "seen", "retries": 30, "delay": 1}
    return [
        {f"{builtin}file": {"path": RELEASE, "state": "directory", "mode": "0755"}},
        {f"{builtin}unarchive": {"src": str(artefact), "dest": RELEASE, "remote_src": True}},
        {f"{builtin}copy": {"content": CONFIG, "dest": f"{RELEASE}/config.json", "mode": "0644"}},
        {f"{builtin}file": {"src": RELEASE, "dest": f"{ROOT}/current", "state": "link"}},
        {f"{builtin}command": {"argv": ["true"]}},
        {**asked, "until": f"seen.json.version == '{VERSION}'"},
    ]


def measure(folder: Path, tasks: list[dict[str, Any]], services: int) -> tuple[float, float]:
    """Run the tasks once; return milliseconds of CPU a service: the controller's, the host's."""
    times = folder / "times"
    times.unlink(missing_ok=True)
    python = folder / "python"
    python.write_text(f'#!/bin/bash\n{sys.executable} "$@"\nrc=$?\ntimes >> {times}\nexit $rc\n')
    python.chmod(0o755)
    about = {"ansible_connection": "local", "ansible_python_interpreter": str(python), "base": str(folder / "srv")}
    hosts = {f"service-{number}": about for number in range(services)}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    settings = {"ANSIBLE_COLLECTIONS_PATH": str(HERE / "ansible"), "ANSIBLE_PIPELINING": "True", "ANSIBLE_FORKS": "2"}
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.json", folder / "play.yml"]
    before = used()
    subprocess.run(command, env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL)
    all_of_it = used() - before
    of_children = times.read_text().splitlines()[1::2]
    host = sum(seconds(part) for line in of_children for part in line.split())
    return 1000 * (all_of_it - host) / services, 1000 * host / services


def used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def seconds(told: str) -> float:
    minutes, _, rest = told.rstrip("s").partition("m")
    return 60 * float(minutes) + float(rest)


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"version": VERSION}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def main(services: int, runs: int) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/version"
    ways = {"the module release": one_task, "six stock tasks": six_tasks}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(runs):
        for name, tasks in ways.items():
            with tempfile.TemporaryDirectory() as made:
                artefact = Path(made) / "app.tar.gz"
                with tarfile.open(artefact, "w:gz") as archive:
                    archive.add(HERE / "reversion", "reversion")
                for what in ("a new release", "nothing to do"):
                    found.setdefault((name, what), []).append(measure(Path(made), tasks(artefact, url), services))
    print(f"{services} services, medians of {runs} runs; milliseconds of CPU a service")
    for (name, what), spent in found.items():
        controller, host = (statistics.median(part) for part in zip(*spent, strict=True))
        print(f"{name:20} {what:15} controller {controller:5.0f}   host {host:5.0f}")
    server.shutdown()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] if len(sys.argv) > 2 else ("20", "3")))
