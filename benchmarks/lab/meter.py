"""What the machine in control spends: CPU seconds and memory of its processes, those on the hosts left out.

A process that ends adds its CPU time to its parent's, so the sum over all processes, children included, loses
nothing; which part of it Prefect's own processes used is read from these alone.
"""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

_TICK = os.sysconf("SC_CLK_TCK")
_EVERY = 0.25
_MEMORY_EVERY = 8
_ENGINE, _PLAYBOOK = b"prefect.engine", b"ansible-playbook"


@dataclass(frozen=True)
class Spent:
    """CPU seconds: of everything, and of server, worker and flow themselves. `playing`: Ansible ran so long."""

    total: float = 0.0
    server: float = 0.0
    worker: float = 0.0
    flow: float = 0.0
    playing: float = 0.0

    def since(self, start: "Spent") -> "Spent":
        return Spent(*(mine - before for mine, before in zip(astuple(self), astuple(start), strict=True)))


@dataclass(frozen=True)
class Process:
    """One process as the kernel tells of it: its own CPU seconds, and those of its ended children."""

    pid: int
    parent: int
    own: float
    ended: float

    def is_running(self, program: bytes) -> bool:
        with suppress(OSError):
            return program in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        return False


class Meter:
    """Reads all processes four times a second, and memory every two seconds, in a thread of its own.

    `roots` are the processes that are looked at: server, workers (and the flows below them), or by hand.
    """

    def __init__(self, hosts: Collection[int], roots: Mapping[str, Collection[int]]) -> None:
        self._hosts, self._roots = frozenset(hosts), dict(roots)
        self._samples: list[tuple[float, Spent]] = []
        self._trees: list[tuple[float, float]] = []
        self._peaks: dict[str, float] = {}
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Meter"]:
        self._take(memory=False)
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            self._take(memory=False)

    def watch(self, name: str, pid: int) -> None:
        """Look at one more process."""
        self._roots[name] = (pid,)

    def between(self, start: float, end: float) -> Spent:
        """Return what was spent between two moments."""
        return self._at(end).since(self._at(start))

    def tree(self, start: float, end: float) -> float:
        """Return the most memory (MiB, what is shared counted once) of the flow, or by hand, and all below it."""
        return max((size for at, size in self._trees if start <= at <= end), default=0.0)

    def peak(self, name: str) -> float:
        """Return the most memory (MiB, resident) that server, worker or flow had themselves."""
        return self._peaks.get(name, 0.0)

    def _at(self, moment: float) -> Spent:
        """Return the figures of a moment: medians of three, since one process may be seen to end only half."""
        index = bisect_left(self._samples, moment, key=lambda sample: sample[0])
        near = [astuple(spent) for _, spent in self._samples[max(index - 1, 0) : index + 2]]
        return Spent(*(median(column) for column in zip(*near, strict=True)))

    def _watch(self) -> None:
        turn = 0
        while not self._stop.wait(_EVERY):
            self._take(memory=turn % _MEMORY_EVERY == 0)
            turn += 1

    def _take(self, *, memory: bool) -> None:
        every = _processes(self._hosts)
        below = _children(every)
        server, worker = (
            [one for root in self._roots.get(name, ()) for one in _tree(root, every, below)]
            for name in ("server", "worker")
        )
        named = {
            "server": server,
            "worker": [one for one in worker if one.pid in self._roots["worker"]],
            "flow": _tops([one for one in worker if one.is_running(_ENGINE)]),
        }
        now = time.time()
        last = self._samples[-1] if self._samples else (now, Spent())
        playing = last[1].playing + (now - last[0]) * any(one.is_running(_PLAYBOOK) for one in worker)
        mine = every[os.getpid()].own
        total = sum(one.own + one.ended for one in every.values()) - mine
        own = {name: sum(one.own for one in found) for name, found in named.items()}
        self._samples.append((now, Spent(total=total, **own, playing=playing)))
        if memory:
            self._weigh(named)
            tops = [*self._roots.get("hand", ()), *(one.pid for one in named["flow"])]
            tree = {one.pid: one for top in tops for one in _tree(top, every, below)}
            self._trees.append((now, sum(map(_proportional, tree.values()))))

    def _weigh(self, named: Mapping[str, list[Process]]) -> None:
        for name, found in named.items():
            self._peaks[name] = max(self._peaks.get(name, 0.0), sum(map(_resident, found)))


def _processes(hosts: Collection[int]) -> dict[int, Process]:
    """Return all processes of this namespace but the hosts and what is below them."""
    found: dict[int, Process] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            pid, fields = int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()
            user, system, ended_user, ended_system = (int(fields[n]) / _TICK for n in range(11, 15))
            found[pid] = Process(pid, int(fields[1]), user + system, ended_user + ended_system)
    below = _children(found)
    for host in hosts:
        for one in _tree(host, found, below):
            found.pop(one.pid, None)
    return found


def _children(processes: Mapping[int, Process]) -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for one in processes.values():
        below.setdefault(one.parent, []).append(one.pid)
    return below


def _tree(root: int, processes: Mapping[int, Process], below: Mapping[int, list[int]]) -> list[Process]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid in processes:
            found.append(processes[pid])
            waiting += below.get(pid, [])
    return found


def _tops(processes: list[Process]) -> list[Process]:
    """Leave out those whose parent is there: for a moment a fork has its parent's name."""
    pids = {one.pid for one in processes}
    return [one for one in processes if one.parent not in pids]


def _resident(process: Process) -> float:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def _proportional(process: Process) -> float:
    """Return a process's memory with what it shares divided among those that share it."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0
