"""Time restoring many services: one tuned playbook by hand, and Reversion, in turn on the same hosts.

    python -m benchmarks.restore [--services 200] [--hosts 5] [--rounds 3] [--only hand,role] [--no-bars]

Needs root, iproute2, openssh-server and a C compiler. Hosts are real ssh servers in namespaces of their own, services
real processes that answer HTTP; all of it ends with this program. Each run goes from 1.1.0 back to 1.0.0 and is
checked on disk and by HTTP. What Reversion's restore takes is read from its task runs: from the first start of
"Restore ..." to the last end. CPU seconds are of the machine in control only, the hosts' left out. Each figure is the
median of the rounds.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.lab.apart import run_apart
from benchmarks.lab.hosts import running_hosts
from benchmarks.lab.meter import Meter
from benchmarks.lab.prefect import Control, a_server, a_worker, deploy, phase, prepare, settle
from benchmarks.lab.product import Content, write_by_hand, write_product
from benchmarks.lab.services import NEW, OLD, Services

_COLLECTIONS = Path(__file__).resolve().parents[1] / "ansible"
_MODULE = Path("ansible_collections/reversion/deploy/plugins/modules/release.py")
_LATE, _SLOW = (2000, False), (2000, True)


@dataclass(frozen=True)
class Way:
    """One way to restore: by whom, what differs, how services start (milliseconds, whether a restart waits)."""

    title: str
    product: str = ""
    few: bool = False
    startup: tuple[int, bool] = (0, False)


WAYS = {
    "hand": Way("(a) one playbook by hand"),
    "role": Way("(b) Reversion, the user's role", "lab"),
    "module": Way("(c) Reversion, reversion.deploy.release", "lab-module"),
    "few": Way("(d) Reversion, one service in 20 differs", "lab", few=True),
    "hand-slow": Way("(a) restarts take 2 s", startup=_SLOW),
    "role-slow": Way("(b) restarts take 2 s", "lab", startup=_SLOW),
    "hand-late": Way("(a) healthy 2 s after the restart", startup=_LATE),
    "role-late": Way("(b) healthy 2 s after the restart", "lab", startup=_LATE),
}


@dataclass(frozen=True)
class Bar:
    """A figure of one way that must stay below a limit; with `of`, divided by the other way's wall time."""

    way: str
    figure: str
    limit: float
    of: str = ""


BARS = (
    Bar("role", "wall", 1.2, "hand"),
    Bar("module", "wall", 0.4, "hand"),
    Bar("few", "wall", 0.2, "hand"),
    Bar("role-slow", "wall", 0.5, "hand-slow"),
    Bar("role", "tree", 600),
    Bar("role", "form", 15),
)


@dataclass(frozen=True)
class Figures:
    """What one run took: seconds, CPU seconds of the machine in control, MiB. Nothing where it does not apply."""

    wall: float
    cpu: float
    tree: float
    form: float = 0.0
    playing: float = 0.0
    server_cpu: float = 0.0
    flow_cpu: float = 0.0
    flow: float = 0.0
    server: float = 0.0
    worker: float = 0.0


def main(folder: Path, given: argparse.Namespace) -> int:
    """Build the laboratory, take the rounds, print the table; return 1 where a bar is missed."""
    prepare(folder)
    wanted = [name for name in WAYS if name in given.only.split(",")]
    with ExitStack() as running:
        hosts, login = running.enter_context(running_hosts(folder, given.hosts, is_resident=given.resident))
        services = Services(hosts, given.services)
        services.install()
        services.move(OLD)
        bench = Bench(services, write_by_hand(folder / "hand", services, login))
        if products := {WAYS[way].product for way in wanted} - {""}:
            server, bench.server = running.enter_context(a_server(folder / "prefect"))
        for name in sorted(products):
            collections = given.collections if name == "lab-module" else None
            content = Content(services, login, collections=collections)
            product = write_product(folder / name / "product", name, content)
            bench.controls[name] = Control(server, name, product, deploy(server, product, "staging"))
        found: dict[str, list[Figures]] = {name: [] for name in wanted}
        for turn in range(given.rounds):
            for name in wanted:
                found[name].append(bench.run(WAYS[name]))
                print(f"round {turn + 1}, {name}: {found[name][-1].wall:.1f} s", file=sys.stderr, flush=True)
    return _tell(given, {name: _medians(rounds) for name, rounds in found.items()})


class Bench:
    """The laboratory as the ways use it."""

    def __init__(self, services: Services, hand: Path) -> None:
        self._services, self._hand = services, hand
        self.server = 0
        self.controls: dict[str, Control] = {}

    def run(self, way: Way) -> Figures:
        """Let the services run 1.1.0, take them back in one way, and see that they all are."""
        services = self._services
        services.set_startup(0, waits=False)
        services.move(OLD if way.few else NEW)
        if way.few:
            services.move(NEW, only=[one.name for one in services.all[::20]])
        services.set_startup(way.startup[0], waits=way.startup[1])
        figures = self._by_reversion(way) if way.product else self._by_hand()
        services.check(services.everywhere(OLD))
        return figures

    def _by_hand(self) -> Figures:
        hand, number = self._hand, time.monotonic_ns()
        environment = os.environ | {"ANSIBLE_SSH_CONTROL_PATH_DIR": f"{os.environ['TMPDIR']}/{number % 10**6}"}
        order = (str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory.yml", "restore.yml")
        meter = Meter([host.pid for host in self._services.hosts], {})
        with meter.running(), (hand / "output").open("w") as output:
            began = time.time()
            process = subprocess.Popen(
                [*order, "-e", f"version={OLD}"], cwd=hand, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            meter.watch("hand", process.pid)
            code = process.wait()
            ended = time.time()
            time.sleep(1)
        if code:
            raise RuntimeError(f"the playbook by hand ended with {code}: {(hand / 'output').read_text()[-3000:]}")
        return Figures(ended - began, meter.between(began, ended).total, meter.tree(began, ended))

    def _by_reversion(self, way: Way) -> Figures:
        control = self.controls[way.product]
        with a_worker(control.server, control.product) as worker:
            meter = Meter(
                [host.pid for host in self._services.hosts], {"server": (self.server,), "worker": (worker,)}
            )
            with meter.running():
                asked = time.time()
                run = control.start()
                shown = control.until_asked(run).state.at
                assert shown
                control.approve(run)
                control.until_proven(run)
                settle(control, run)
        start, end = (moment.timestamp() for moment in phase(control, run))
        spent = meter.between(start, end)
        return Figures(
            wall=end - start,
            cpu=spent.total,
            tree=meter.tree(start, end),
            form=shown.timestamp() - asked,
            playing=spent.playing,
            server_cpu=spent.server + spent.worker,
            flow_cpu=spent.flow,
            flow=meter.peak("flow"),
            server=meter.peak("server"),
            worker=meter.peak("worker"),
        )


def _medians(rounds: list[Figures]) -> Figures:
    return Figures(**{name: median(getattr(one, name) for one in rounds) for name in Figures.__dataclass_fields__})


_COLUMNS: tuple[tuple[str, Callable[[Figures, Figures | None], str]], ...] = (
    ("wall s", lambda one, _: f"{one.wall:.1f}"),
    ("of (a)", lambda one, hand: f"{one.wall / hand.wall:.2f}" if hand else ""),
    ("CPU s", lambda one, _: f"{one.cpu:.1f}"),
    ("of (a)", lambda one, hand: f"{one.cpu / hand.cpu:.2f}" if hand else ""),
    ("server CPU s", lambda one, _: f"{one.server_cpu:.1f}" if one.form else ""),
    ("flow CPU s", lambda one, _: f"{one.flow_cpu:.1f}" if one.form else ""),
    ("wall without Ansible s", lambda one, _: f"{one.wall - one.playing:.1f}" if one.form else ""),
    ("form after s", lambda one, _: f"{one.form:.1f}" if one.form else ""),
    ("tree MiB", lambda one, _: f"{one.tree:.0f}"),
    ("flow MiB", lambda one, _: f"{one.flow:.0f}" if one.form else ""),
    ("server MiB", lambda one, _: f"{one.server:.0f}" if one.form else ""),
    ("worker MiB", lambda one, _: f"{one.worker:.0f}" if one.form else ""),
)


def _tell(given: argparse.Namespace, found: dict[str, Figures]) -> int:
    python = "resident Python on the hosts" if given.resident else "Python on the hosts started for each module"
    print(f"{given.services} services on {given.hosts} hosts, {python}, median of {given.rounds}:\n")
    print(f"| | {' | '.join(name for name, _ in _COLUMNS)} |")
    print(f"|---|{'--:|' * len(_COLUMNS)}")
    for name, figures in found.items():
        hand = found.get("-".join(["hand", *name.split("-")[1:]]))
        print(f"| {WAYS[name].title} | {' | '.join(show(figures, hand) for _, show in _COLUMNS)} |")
    missed = [] if given.no_bars else [told for bar in BARS if (told := _missed(bar, found))]
    print("\n" + "\n".join(missed) if missed else "")
    return 1 if missed else 0


def _missed(bar: Bar, found: dict[str, Figures]) -> str:
    if bar.way not in found or (bar.of and bar.of not in found):
        return ""
    value = getattr(found[bar.way], bar.figure) / (found[bar.of].wall if bar.of else 1)
    told = f"{bar.way}: {bar.figure}{f' / {bar.of}' if bar.of else ''} is {value:.2f}"
    return f"{told}, above the bar of {bar.limit}." if value > bar.limit else ""


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--services", type=int, default=200)
    asked.add_argument("--hosts", type=int, default=5)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--only", default=",".join(WAYS), help=f"ways to take, of {', '.join(WAYS)}")
    asked.add_argument("--collections", type=Path, default=_COLLECTIONS, help="where ansible_collections is, for (c)")
    asked.add_argument(
        "--resident", action="store_true", help="spare the hosts the start of a Python for each module"
    )
    asked.add_argument("--no-bars", action="store_true", help="print the table only")
    given = asked.parse_args()
    if unknown := set(given.only.split(",")) - WAYS.keys():
        asked.error(f"no such way: {', '.join(sorted(unknown))}")
    if "module" in given.only.split(",") and not (given.collections / _MODULE).is_file():
        asked.error(
            f"module: there is no {given.collections / _MODULE}; name its place with --collections, or use --only"
        )
    return given


if __name__ == "__main__":
    given = _asked()
    sys.exit(run_apart(lambda folder: main(folder, given)))
