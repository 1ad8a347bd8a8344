"""Time what is done with features, next to Git reading the same commits.

    python -m benchmarks.features [--repositories 100] [--commits 1000] [--repeat 5]

Repositories are made in a temporary folder (about a minute). CPU seconds are this process's and its children's,
everything that Reversion does included: Git, the database, working out items and reverts. Each figure is the median
of rounds in which all ways take turns, so that a busy machine slows all of them.
"""

import argparse
import gc
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.corpus import write_repository
from reversion.adapters.catalogue_engine import open_engine
from reversion.adapters.index import Index
from reversion.adapters.index_store import IndexStore
from reversion.cli import unhindered
from reversion.feature_settings import FeatureSettings, Key, Line
from reversion.features.describing import Told
from reversion.features.resolver import Resolver, Vector
from reversion.features.sheets import Book, Sheet, View
from reversion.product import Service

_SETTINGS = FeatureSettings(conventions=(Key(kind="key", projects=("SHOP",)), Line(kind="line", names=("Feature",))))
_LOG = ("log", "-z", "--format=%H%x1f%P%x1f%ct%x1f%B", "main")


def main() -> None:
    """Make the repositories, take the rounds, print one line for each figure."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--repositories", type=int, default=100)
    asked.add_argument("--commits", type=int, default=1000)
    asked.add_argument("--repeat", type=int, default=5)
    asked.add_argument("--memory", type=Path, help="Only index these repositories, and print the peak in MiB.")
    given = asked.parse_args()
    unhindered()
    with tempfile.TemporaryDirectory(prefix="reversion-features-") as folder:
        if given.memory:
            _study(given.memory, Path(folder), _services(given.memory))
            print(_peak())
            return
        _indexing(Path(folder), given.repositories, given.commits, given.repeat)
    _judging(given.repeat)


def _indexing(folder: Path, repositories: int, commits: int, repeat: int) -> None:
    for n in range(repositories):
        write_repository(folder / f"service-{n}.git", commits, n, range(n * 40 + 1, n * 40 + 121))
    services = _services(folder)
    print(f"{repositories} repositories x {commits} commits, median of {repeat} (CPU seconds; wall seconds):")
    floor: list[tuple[float, float]] = []
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    for turn in range(repeat):
        home = folder / f"home-{turn}"
        home.mkdir()
        floor.append(_timed(lambda: _read_by_git(folder, services)))
        first.append(_timed(lambda home=home: _study(folder, home, services)))
        again.append(_timed(lambda home=home: _study(folder, home, services)))
    ratio = median(one[0] / of[0] for one, of in zip(first, floor, strict=True))
    _tell("git log of all messages, to nowhere", floor)
    _tell(f"first index ({ratio:.1f} x git log)", first)
    _tell("refresh with nothing new", again)
    more = [_released(folder, folder / "home-0", services, commits, turn) for turn in range(repeat)]
    _tell("refresh after one release of 1,000 commits", more)
    _tell_memory(folder, repositories * commits)


def _services(folder: Path) -> tuple[Service, ...]:
    names = sorted(path.name for path in folder.glob("*.git"))
    return tuple(Service(name=name.removesuffix(".git"), repository=name, hosts="all") for name in names)


def _tell_memory(folder: Path, commits: int) -> None:
    """Index in processes of their own: the repositories, then as many commits in a single one."""
    (folder / "single").mkdir()
    write_repository(folder / "single" / "service.git", commits, 0, range(1, commits // 12 + 2))
    for what, place in (("the repositories", folder), ("one repository of as many commits", folder / "single")):
        command = (sys.executable, "-m", "benchmarks.features", "--memory", str(place))
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"  peak memory of indexing {what}: {peak} MiB", flush=True)


def _peak() -> int:
    """Return the most memory that this process has had, in MiB; `ru_maxrss` would tell that of its parent too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def _released(
    folder: Path, home: Path, services: tuple[Service, ...], commits: int, turn: int
) -> tuple[float, float]:
    """Time the refresh of the one service that has 1,000 new commits."""
    service = services[turn % len(services)]
    write_repository(folder / service.repository, 1000, turn, range(1, 121), start=commits + 1000 * turn + 100)
    return _timed(lambda: _study(folder, home, (service,)))


def _study(folder: Path, home: Path, services: tuple[Service, ...]) -> None:
    store = IndexStore(open_engine(f"sqlite:///{home / 'catalogue.db'}"), "shop")
    studied = Index(folder, home, _SETTINGS, (), store).study(services, {})
    if studied.problems:
        raise SystemExit(str(studied.problems))


def _read_by_git(folder: Path, services: tuple[Service, ...]) -> None:
    for service in services:
        where = ("git", "-C", str(folder / service.repository))
        subprocess.run((*where, *_LOG), check=True, stdout=subprocess.DEVNULL, env=os.environ)


def _judging(repeat: int) -> None:
    """Judge 8,000 features of 25 items each in 200 services, and going back by a tenth of each service."""
    books, before, after = _company(200, 8000)
    items = sum(sum(book.sheet.items) for book in books)
    print(f"{len(books)} services, {items} items, 8000 features, median of {repeat} (CPU seconds; wall seconds):")
    resolver = Resolver(books, _SETTINGS)
    _tell("opening what is kept, in the order of a review", [_timed(lambda: Resolver(books, _SETTINGS))] * 1)
    _tell("all verdicts at one snapshot", [_timed(lambda: resolver.features(after)) for _ in range(repeat)])
    _tell("comparison", [_timed(lambda: resolver.compare(before, after)) for _ in range(repeat)])


def _company(services: int, features: int) -> tuple[list[Book], Vector, Vector]:
    drawn = random.Random(1)
    mine: list[list[int]] = [[] for _ in range(services)]
    for feature in range(features):
        for service in drawn.sample(range(services), 5):
            mine[service].append(feature)
    books, before, after = [], {}, {}
    for number, found in enumerate(mine):
        name, count = f"service-{number}", len(found)
        fives = (5,) * count
        told = Told("Gift cards", "Gift cards", ("feat",), "")
        ids = tuple(f"SHOP-{feature}" for feature in found)
        sheet = Sheet(service=name, features=ids, told=(told,) * count, need=fives, merged=fives, items=fives)
        new = tuple(5 if at < count * 0.9 else drawn.randint(0, 4) for at in range(count))
        old = tuple(5 if at < count * 0.8 else 0 for at in range(count))
        views = {
            "a" * 40: View(commit="a" * 40, horizon=900, landed=900, effective=new),
            "b" * 40: View(commit="b" * 40, horizon=800, landed=800, effective=old),
        }
        books.append(Book(sheet, views))
        before[name], after[name] = "a" * 40, "b" * 40
    return books, before, after


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    gc.collect()
    wall, used = time.perf_counter(), _cpu()
    work()
    return _cpu() - used, time.perf_counter() - wall


def _cpu() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _tell(what: str, times: list[tuple[float, float]]) -> None:
    print(f"  {what}: {median(one[0] for one in times):.2f}; {median(one[1] for one in times):.2f}", flush=True)


if __name__ == "__main__":
    main()
