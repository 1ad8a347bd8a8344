"""Time `reversion snapshots` in a product with many snapshots, next to Git listing their names.

    python -m benchmarks.snapshots [--tags 10000] [--features 80] [--repeat 5]

The product is made in a temporary folder: real manifests of ten services, a bare clone of it as its remote. Each
figure is the median wall time of whole processes, started one after the other.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from reversion.features.values import Part, State
from reversion.snapshot import Snapshot, SnapshotFeature, SnapshotService, TakenBy, compose

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_SERVICES = tuple(f"service-{number}" for number in range(10))
_PRODUCT = """\
schema: reversion.product/1
product: many
services: {service-0: {repository: .}}
environments:
  staging: {inventory: hosts, observe: {file: /srv/VERSION}}
"""
_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
_WHO = "Ana Example <ana@example.com>"


def main() -> None:
    """Build the product, time the commands, print one line each."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--tags", type=int, default=10_000)
    asked.add_argument("--features", type=int, default=80)
    asked.add_argument("--repeat", type=int, default=5)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="reversion-snapshots-") as folder:
        product = build(Path(folder), given.tags, given.features)
        state = {"REVERSION_HOME": f"{folder}/home"}
        reversion = (sys.executable, "-m", "reversion.cli", "-p", str(product), "snapshots")
        names = ("git", "-C", str(product), "for-each-ref", "--format=%(refname)", "refs/tags/reversion/")
        told = f"{given.tags} snapshots of {given.features} features, median of {given.repeat}, seconds:"
        print(told)
        for refs in ("loose", "packed"):
            if refs == "packed":
                _git(product, "pack-refs", "--all")
            _tell(f"{refs}: git for-each-ref", names, given.repeat, state)
            _tell(f"{refs}: reversion snapshots --offline", (*reversion, "--offline"), given.repeat, state)
            _tell(f"{refs}: reversion snapshots staging", (*reversion, "staging"), given.repeat, state)
            _git(product, "remote", "add", "origin", f"{folder}/remote")
            _tell(f"{refs}: the same, after asking a remote", (*reversion, "staging"), given.repeat, state)
            _git(product, "remote", "remove", "origin")
        _tell("python -c pass", (sys.executable, "-c", "pass"), given.repeat, state)


def build(folder: Path, tags: int, features: int) -> Path:
    """Make a product with that many snapshots of staging, four a day, and its bare clone `remote`."""
    product = folder / "product"
    product.mkdir()
    _git(product, "init", "--quiet", "--initial-branch=main")
    (product / "reversion.yaml").write_text(_PRODUCT)
    (product / "hosts").write_text("[service-0]\none ansible_host=127.0.0.1\n")
    _git(product, "add", ".")
    _git(product, "-c", "user.name=Ana Example", "-c", "user.email=ana@example.com", "commit", "--quiet", "-m", "One")
    head = _git(product, "rev-parse", "HEAD").strip()
    _git(product, "fast-import", "--quiet", stdin="".join(_tag(one, head) for one in snapshots(head, tags, features)))
    _git(folder, "clone", "--quiet", "--bare", str(product), str(folder / "remote"))
    return product


def snapshots(head: str, tags: int, features: int) -> Iterator[Snapshot]:
    """Yield snapshots in which every tenth feature comes and goes."""
    for number in range(tags):
        there = {f"SHOP-{n}": _feature(n, is_there=bool(n % 10 or number % 7)) for n in range(features)}
        yield Snapshot(
            product="many",
            environment="staging",
            taken_at=_FIRST + timedelta(hours=6 * number),
            taken_by=TakenBy(kind="schedule", name="nightly"),
            product_commit=head,
            conventions="c" * 64,
            verified=number % 3 != 0,
            complete=True,
            services={name: SnapshotService(version=f"1.{number}", commit=head) for name in _SERVICES},
            features=there,
        )


def _feature(number: int, *, is_there: bool) -> SnapshotFeature:
    part = Part(service=_SERVICES[number % len(_SERVICES)], have=2 if is_there else 0, need=2)
    state = State.COMPLETE if is_there else State.ABSENT
    return SnapshotFeature(title=f"Gift cards, part {number}", state=state, parts=(part,))


def _tag(snapshot: Snapshot, head: str) -> str:
    name, message = compose(snapshot)
    tagger = f"tagger {_WHO} {int(snapshot.taken_at.timestamp())} +0000"
    return f"tag {name}\nfrom {head}\n{tagger}\ndata {len(message.encode())}\n{message}\n"


def _tell(what: str, command: tuple[str, ...], repeat: int, state: dict[str, str]) -> None:
    taken = sorted(_seconds(command, state) for _ in range(repeat))
    print(f"  {median(taken):7.3f}  ({taken[0]:.3f} to {taken[-1]:.3f})  {what}", flush=True)


def _seconds(command: tuple[str, ...], state: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | _GIT | state)
    return time.perf_counter() - start


def _git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=stdin,
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | _GIT,
    )
    return done.stdout


if __name__ == "__main__":
    main()
