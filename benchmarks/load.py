"""What much at once does to Reversion: many services and tests, many runs at once, a long history.

    python -m benchmarks.load [--only services,queue,history] [--services 200] [--tests 40]
                              [--products 10] [--environments 5] [--runs 2000]

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
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab.apart import run_apart
from benchmarks.lab.hosts import running_hosts
from benchmarks.lab.meter import Meter
from benchmarks.lab.prefect import Control, a_server, a_worker, deploy, phase, prepare, settle
from benchmarks.lab.product import Content, write_product
from benchmarks.lab.services import NEW, OLD, Services
from benchmarks.lab.tiny import Tiny
from reversion.history import WAITING, RunRecord
from reversion.outcome import Verdict
from tests.e2e.server import Server, wait_for
from tests.postgresql import running_postgresql

_HOSTS = 5
_PATIENCE = 7200
_AT_ONCE = 2


@dataclass(frozen=True)
class Given:
    """What a part is given: a folder, what was asked for, a fresh server and its process."""

    folder: Path
    asked: argparse.Namespace
    server: Server
    pid: int


def main(folder: Path, asked: argparse.Namespace) -> int:
    """Take the wanted parts one after the other, each with a fresh server."""
    prepare(folder)
    for name, part in PARTS.items():
        if name in asked.only.split(","):
            with ExitStack() as running:
                database = ""
                if asked.postgresql:
                    database = f"postgresql+asyncpg://{running.enter_context(running_postgresql()).address}"
                server, pid = running.enter_context(a_server(folder / name / "prefect", database))
                part(Given(folder / name, asked, server, pid))
    return 0


def services(given: Given) -> None:
    """One reversion of many services, proven by many tests."""
    with running_hosts(given.folder, _HOSTS, is_resident=True) as (hosts, login):
        placed = Services(hosts, given.asked.services)
        placed.install()
        placed.move(OLD)
        content = Content(placed, login, checks=given.asked.tests)
        root = write_product(given.folder / "lab" / "product", "lab", content)
        control = Control(given.server, "lab", root, deploy(given.server, root, "staging"))
        placed.move(NEW)
        with a_worker(given.server, "lab") as worker:
            meter = Meter([host.pid for host in hosts], {"server": (given.pid,), "worker": (worker,)})
            with meter.running():
                began = time.time()
                run = _revert(control, "staging")
        placed.check(placed.everywhere(OLD))
        print(f"{given.asked.services} services and {given.asked.tests} production tests in one reversion, proven:")
        _tell_run(control, run, began)
        _tell("CPU of everything", meter.between(began, time.time()).total)
        _tell_memory(meter)


def _revert(control: Control, environment: str) -> str:
    """Take an environment back, and wait until the server has written down all of it; return the run."""
    run = control.start(environment)
    control.until_asked(run)
    control.approve(run)
    control.until_proven(run)
    settle(control, run)
    return run


def _tell_run(control: Control, run: str, began: float) -> None:
    asked, resumed, done = _moments(control, run)
    start, end = (moment.timestamp() for moment in phase(control, run))
    tests = [task for task in control.runs.tasks(run) if task.name.startswith("Production test ") and task.started]
    starts = [task.started.timestamp() for task in tests if task.started]
    _tell("from the start to the form", asked - began)
    _tell("from the approval to the end", done - resumed)
    _tell("of that, services", end - start)
    _tell("of that, tests", max(at + task.seconds for at, task in zip(starts, tests, strict=True)) - min(starts))


def _moments(control: Control, run: str) -> tuple[float, float, float]:
    """Return when a run asked, when it was told to go on, and when it ended."""
    states = control.runs.detail(run).states
    times = [state.at.timestamp() for state in states if state.at]
    waiting = next(number for number, state in enumerate(states) if state.is_waiting)
    return times[waiting], times[waiting + 1], times[-1]


def queue(given: Given) -> None:
    """Reversions of many environments of many products, all started at once and all approved at once.

    Each product's work pool takes a few at a time, as where one machine serves them all; the others wait their turn.
    """
    products = [
        Tiny(given.folder / name, given.asked.environments, name=name)
        for name in (f"tiny{number:02}" for number in range(1, given.asked.products + 1))
    ]
    with ThreadPoolExecutor(2) as pool:
        controls = list(pool.map(lambda tiny: _begin(given.server, tiny), products))
    for control in controls:
        control.api.change(f"/work_pools/reversion-{control.product}", {"concurrency_limit": _AT_ONCE})
    with ExitStack() as running:
        workers = [running.enter_context(a_worker(given.server, tiny.name)) for tiny in products]
        meter = running.enter_context(Meter([], {"server": (given.pid,), "worker": workers}).running())
        began = time.time()
        runs = [
            Started(control, control.start(name))
            for control, tiny in zip(controls, products, strict=True)
            for name in tiny.environments
        ]
        _answer_all(runs)
        ended = time.time()
    records = [run.record for run in runs]
    told = Counter(record.told for record in records)
    print(
        f"{len(runs)} reversions at once, each of another environment, of {len(products)} products: {_counted(told)};"
    )
    print(f"  what they run: {_counted(Counter(at for tiny in products for at in tiny.running().values()))}")
    for record in records:
        if record.told != Verdict.PROVEN:
            print(f"  {record.environment} of {record.product}: {record.told}: {record.state.message}")
    _tell("from the first start until all had ended", ended - began)
    _tell("CPU of everything", meter.between(began, ended).total)
    _tell_memory(meter)


@dataclass(frozen=True)
class Started:
    """One run of many, and where to ask for it."""

    control: Control
    id: str

    @property
    def record(self) -> RunRecord:
        return self.control.runs.status(self.id)


def _begin(server: Server, tiny: Tiny) -> Control:
    """Deploy a product with a verified snapshot of each of its environments, and move them on."""
    tiny.move(OLD)
    control = Control(server, tiny.name, tiny.root, deploy(server, tiny.root, *tiny.environments))
    tiny.move(NEW)
    return control


def _answer_all(runs: list[Started]) -> None:
    """Wait until all ask, approve them all, wait until all have ended."""
    began = time.time()
    wait_for(lambda: _all(runs, lambda one: one.told == WAITING or one.state.is_final), _PATIENCE, "the forms")
    _tell("until all asked", time.time() - began)
    began = time.time()
    for run in runs:
        if run.record.told == WAITING:
            run.control.approve(run.id)
    _tell("to approve them all", time.time() - began)
    wait_for(lambda: _all(runs, lambda one: one.state.is_final), _PATIENCE, "the ends")


def _all(runs: list[Started], question: Callable[[RunRecord], bool]) -> bool:
    """Tell whether the answer is yes for all runs; asked every two seconds at most."""
    time.sleep(2)
    return all(question(run.record) for run in runs)


def _counted(counts: "Counter[str]") -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def history(given: Given) -> None:
    """A server that remembers many reversions, and what is asked of it every day."""
    tiny = Tiny(given.folder / "tiny", 1)
    control = _begin(given.server, tiny)
    with a_worker(given.server, tiny.name):
        run = _revert(control, "e01")
        before = _everyday(control, run) | _steps(control, run)
        _remember(control, run, given.asked.runs)
        after = _everyday(control, run)
        tiny.move(NEW)
        after |= _steps(control, _revert(control, "e01"))
    print(f"seconds with 1 run remembered, and with {given.asked.runs} more:")
    for name, seconds in after.items():
        print(f"  {before[name]:7.2f} {seconds:7.2f}  {name}", flush=True)


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
    first = min(state.at.timestamp() for state in control.runs.detail(run).states if state.at)
    return {"a new run's step 'Admit'": admitted.seconds, "a new run's form": _moments(control, run)[0] - first}


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
    asked.add_argument("--products", type=int, default=10)
    asked.add_argument("--environments", type=int, default=5, help="of each product")
    asked.add_argument("--runs", type=int, default=2000)
    asked.add_argument("--postgresql", action="store_true", help="let the server keep its data there, not in SQLite")
    wanted = asked.parse_args()
    if unknown := set(wanted.only.split(",")) - PARTS.keys():
        asked.error(f"no such part: {', '.join(sorted(unknown))}")
    return wanted


if __name__ == "__main__":
    wanted = _asked()
    sys.exit(run_apart(lambda folder: main(folder, wanted)))
