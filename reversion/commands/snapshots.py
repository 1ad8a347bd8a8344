"""`reversion snapshots`: the snapshots there are."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import click

from reversion.adapters import tags
from reversion.adapters.repository import Repository
from reversion.commands.printing import note, print_json, print_table
from reversion.errors import SnapshotInvalid
from reversion.features.values import State
from reversion.operations.workspace import Workspace, find_root, open_workspace
from reversion.snapshot import Broken, Recorded, Snapshot

_HEADS = ("Snapshot", "Label", "Taken (UTC)", "Verified", "Complete", "Services", "Features", "By")


@click.command("snapshots")
@click.argument("environment", required=False)
@click.option("--count", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--offline", is_flag=True, help="Don't ask the product's remote.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def snapshots_command(product: str, environment: str | None, count: int, offline: bool, as_json: bool) -> int:
    """List the newest snapshots, of ENVIRONMENT or of all; one that can't be used is told with the reason."""
    workspace, names, moved = _open(product, refresh=not offline)
    wanted = workspace.product.environment(environment).name if environment else None
    found = tags.newest(workspace.repository, wanted, count, names)
    if as_json:
        print_json(found)
    elif found:
        print_table(_HEADS, (_row(one) for one in found))
    else:
        name = wanted or next(iter(workspace.product.environments))
        note(f"There is no snapshot yet. Take one: reversion snapshot {name}")
    return 1 if moved else 0


def _open(product: str, *, refresh: bool) -> tuple[Workspace, tuple[str, ...], str]:
    """Open the product and ask its remote for snapshots, side by side, as both wait for Git.

    Return also what `_sync` does.
    """
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_sync, Repository(find_root(product))) if refresh else None
        workspace = open_workspace(product, refresh=refresh)
        return (workspace, *(asked.result() if asked else ((), "")))


def _sync(repository: Repository) -> tuple[tuple[str, ...], str]:
    """Fetch what others recorded; return the names of all, where that told them, and what is wrong.

    A moved tag is told and keeps nobody from seeing the rest.
    """
    try:
        return tags.sync(repository), ""
    except SnapshotInvalid as error:
        note(f"reversion: {error}")
        return (), str(error)


def _row(found: Recorded | Broken) -> tuple[str, ...]:
    if isinstance(found, Broken):
        return (found.tag, f"broken: {found.problem.removeprefix(found.tag).strip()}", *[""] * (len(_HEADS) - 2))
    snapshot = found.snapshot
    return (
        found.tag,
        snapshot.label,
        f"{snapshot.taken_at:%Y-%m-%d %H:%M}",
        verified(snapshot),
        "yes" if snapshot.complete else "no",
        str(len(snapshot.services)),
        _counts(snapshot),
        snapshot.taken_by.name,
    )


def verified(snapshot: Snapshot) -> str:
    return {True: "yes", False: "failed", None: "no"}[snapshot.verified]


def _counts(snapshot: Snapshot) -> str:
    counted = Counter(feature.state for feature in snapshot.features.values())
    return ", ".join(f"{counted[state]} {state}" for state in State if counted[state])
