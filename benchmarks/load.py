"""What much at once does to Reversion: many services and tests, many runs at once, a long history.

    python -m benchmarks.load [--only services,queue,history] [--services 200] [--tests 40] [--environments 50]
                              [--runs 2000]

Needs what benchmarks.restore needs. Everything goes through a real Prefect server and worker and ends with this
program. Memory is resident MiB; that of several runs at once is their sum.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.lab.apart import run_apart
from benchmarks.lab.hosts import running_hosts
from benchmarks.lab.meter import Meter
from benchmarks.lab.prefect import Control, a_server, a_worker, command, deploy, phase, prepare, settle
from benchmarks.lab.product import Content, write_product
from benchmarks.lab.services import NEW, OLD, Services
from benchmarks.lab.tiny import Tiny
from reversion.history import WAITING
from tests.e2e.server import Server, wait_for

_HOSTS = 5
_PATIENCE = 7200


def main(folder: Path, given: argparse.Namespace) -> int:
    """Take the wanted parts one after the other, each with a fresh server."""
    prepare(folder)
    for name, part in PARTS.items():
        if name in given.only.split(","):
            with a_server(folder / name / "prefect") as (server, pid):
                part(folder / name, given, server, pid)
    return 0


def services(folder: Path, given: argparse.Namespace, server: Server, server_pid: int) -> None:
    """One reversion of many services, proven by many tests."""
    with ExitStack() as running:
        hosts, login = running.enter_context(running_hosts(folder, _HOSTS, is_resident=True))
        placed = Services(hosts, given.services)
        placed.install()
        placed.move(OLD)
        root = write_product(folder / "lab" / "product", "lab", Content(placed, login, checks=given.tests))
        control = Control(server, "lab", root, deploy(server, root, "staging"))
        placed.move(NEW)
        worker = running.enter_context(a_worker(server, "lab"))
        meter = Meter([host.pid for host in hosts], {"server": server_pid, "worker": worker})
        with meter.running():
            began = time.time()
            run = control.start()
            asked = control.until_asked(run).state.at
            approved = time.time()
            control.approve(run)
            done = control.until_proven(run).state.at
            settle(control, run)
            settled = time.time()
        assert asked
        assert done
        placed.check(placed.everywhere(OLD))
        start, end = (moment.timestamp() for moment in phase(control, run))
        tests = [task for task in control.runs.tasks(run) if task.name.startswith("Production test ")]
        first = min(task.started.timestamp() for task in tests if task.started)
        last = max(task.started.timestamp() + task.seconds for task in tests if task.started)
        print(f"{given.services} services and {len(tests)} production tests in one reversion, proven:")
        _tell("from the start to the form", asked.timestamp() - began)
        _tell("from the approval to the end", done.timestamp() - approved)
        _tell("of that, services", end - start)
        _tell("of that, tests", last - first)
        _tell("until the server had written everything", settled - done.timestamp())
        _tell("CPU of server and flow", sum(meter.between(began, settled).__dict__[n] for n in ("server", "flow")))
        _tell_memory(meter)


def queue(folder: Path, given: argparse.Namespace, server: Server, server_pid: int) -> None:
    """Reversions of many environments, all started at once and all approved at once."""
    tiny = Tiny(folder / "tiny", given.environments)
    tiny.move(OLD)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: command(server, tiny.root, "snapshot", name, "--test"), tiny.environments))
    tiny.move(NEW)
    command(server, tiny.root, module="deployments.deploy")
    control = Control(server, "tiny", tiny.root, "latest-verified")
    with a_worker(server, "tiny") as worker:
        meter = Meter([], {"server": server_pid, "worker": worker})
        with meter.running():
            began = time.time()
            runs = [control.start(name) for name in tiny.environments]
            started = time.time()
            wait_for(lambda: _all_are(control, runs, WAITING), _PATIENCE, "all forms")
            asked = time.time()
            told = _states(control, runs)
            for run, state in told.items():
                if state == WAITING:
                    control.approve(run)
            approved = time.time()
            wait_for(lambda: all(control.runs.status(run).state.is_final for run in runs), _PATIENCE, "all ends")
            ended = time.time()
    counted = ", ".join(f"{count} {name}" for name, count in Counter(_states(control, runs).values()).items())
    on_disk = ", ".join(f"{count} at {version}" for version, count in Counter(tiny.running().values()).items())
    print(f"{len(runs)} reversions of as many environments at once: {counted}; on disk: {on_disk}")
    _tell("to start them all", started - began)
    _tell("until all asked", asked - began)
    _tell("to approve them all", approved - asked)
    _tell("from the last approval until all had ended", ended - approved)
    _tell("CPU of everything", meter.between(began, ended).total)
    _tell_memory(meter)


def history(folder: Path, given: argparse.Namespace, server: Server, server_pid: int) -> None:
    """A server that remembers many reversions, and what is asked of it every day."""
    tiny = Tiny(folder / "tiny", 1)
    tiny.move(OLD)
    control = Control(server, "tiny", tiny.root, deploy(server, tiny.root, "e01"))
    with a_worker(server, "tiny"):
        run = _revert(control, tiny)
        before = _everyday(control, run)
        _remember(control, run, given.runs)
        after = _everyday(control, run)
        again = _revert(control, tiny)
    after |= _steps(control, again)
    before |= _steps(control, run)
    print(f"seconds with 1 run remembered, and with {given.runs} more:")
    for name, seconds in after.items():
        print(f"  {before[name]:7.2f} {seconds:7.2f}  {name}", flush=True)
    del server_pid


def _revert(control: Control, tiny: Tiny) -> str:
    tiny.move(NEW)
    run = control.start("e01")
    control.until_asked(run)
    control.approve(run)
    control.until_proven(run)
    settle(control, run)
    return run


def _everyday(control: Control, run: str) -> dict[str, float]:
    deployment = control.runs.deployment("tiny")
    return {
        "reversion history": _timed(lambda: control.command("history")),
        "reversion history RUN": _timed(lambda: control.command("history", run)),
        "reversion history --limit 5000": _timed(lambda: control.command("history", "--limit", "5000")),
        "the deployment and its form": _timed(lambda: control.api.read(f"/deployments/{deployment}")),
        "the deployment's last runs, as its page asks": _timed(lambda: _last_runs(control, deployment)),
    }


def _last_runs(control: Control, deployment: str) -> None:
    asked = {"deployments": {"id": {"any_": [deployment]}}, "sort": "START_TIME_DESC", "limit": 50}
    control.api.ask("/flow_runs/paginate", asked)
    control.api.ask("/flow_runs/count", {"deployments": asked["deployments"]})


def _steps(control: Control, run: str) -> dict[str, float]:
    """Return what two steps of a run took: being admitted, and all until the form."""
    admitted = next(task for task in control.runs.tasks(run) if task.name.startswith("Admit "))
    states = control.runs.detail(run).states
    waiting = next(state.at for state in states if state.is_waiting)
    first = min(state.at for state in states if state.at)
    assert waiting
    return {"a new run's step 'Admit'": admitted.seconds, "a new run's form": (waiting - first).total_seconds()}


def _remember(control: Control, run: str, count: int) -> None:
    """Let the server remember many more runs like this one, each with its record."""
    model = control.api.read(f"/flow_runs/{run}")
    asked = {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"any_": ["table"]}}}
    record = next(row for row in control.api.ask("/artifacts/filter", asked) if row["key"].startswith("record-"))
    state = {"type": "COMPLETED", "name": "Proven", "message": model["state"]["message"]}
    kept = {name: model[name] for name in ("flow_id", "deployment_id", "parameters", "tags")}

    page = {"key": record["key"], "type": "table", "data": record["data"], "description": record["description"]}
    for number in range(count):
        made = control.api.ask("/flow_runs/", kept | {"name": f"older-{number}", "state": state})
        control.api.ask("/artifacts/", page | {"flow_run_id": made["id"]})


def _states(control: Control, runs: list[str]) -> dict[str, str]:
    return {run: control.runs.status(run).told for run in runs}


def _all_are(control: Control, runs: list[str], told: str) -> bool:
    """Tell whether all runs that have not ended are told so; look every two seconds at most."""
    time.sleep(2)
    return all(record.told == told or record.state.is_final for record in map(control.runs.status, runs))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _tell(what: str, seconds: float) -> None:
    print(f"  {seconds:7.1f} s  {what}", flush=True)


def _tell_memory(meter: Meter) -> None:
    for name in ("flow", "server", "worker"):
        print(f"  {meter.peak(name):5.0f} MiB  {name}", flush=True)


PARTS = {"services": services, "queue": queue, "history": history}


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--only", default=",".join(PARTS))
    asked.add_argument("--services", type=int, default=200)
    asked.add_argument("--tests", type=int, default=40)
    asked.add_argument("--environments", type=int, default=50)
    asked.add_argument("--runs", type=int, default=2000)
    given = asked.parse_args()
    if unknown := set(given.only.split(",")) - PARTS.keys():
        asked.error(f"no such part: {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    given = _asked()
    sys.exit(run_apart(lambda folder: main(folder, given)))
