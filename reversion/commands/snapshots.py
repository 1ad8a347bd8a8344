"""`reversion snapshots` and `reversion show`: the snapshots there are, and one of them whole."""

from collections import Counter

import click

from reversion.adapters import tags
from reversion.adapters.catalogue import open_catalogue
from reversion.adapters.repository import Repository
from reversion.commands.printing import note, print_json, print_table
from reversion.errors import SnapshotInvalid, UnknownName
from reversion.features.values import Part, State
from reversion.operations.workspace import open_workspace
from reversion.snapshot import Broken, Recorded, Snapshot, SnapshotFeature, SnapshotService, environment_and_time

_HEADS = ("Snapshot", "Label", "Taken (UTC)", "Verified", "Complete", "Services", "Features", "By")
_OFFLINE = click.option("--offline", is_flag=True, help="Don't ask the product's remote.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("snapshots")
@click.argument("environment", required=False)
@click.option("--count", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@_OFFLINE
@_JSON
@click.pass_obj
def snapshots_command(product: str, environment: str | None, count: int, offline: bool, as_json: bool) -> int:
    """List the newest snapshots, of ENVIRONMENT or of all; one that can't be used is told with the reason."""
    workspace = open_workspace(product, refresh=not offline)
    wanted = workspace.product.environment(environment).name if environment else None
    moved = "" if offline else _sync(workspace.repository)
    found = tags.newest(workspace.repository, wanted, count)
    if as_json:
        print_json(found)
    elif found:
        print_table(_HEADS, (_row(one) for one in found))
    else:
        name = wanted or next(iter(workspace.product.environments))
        note(f"There is no snapshot yet. Take one: reversion snapshot {name}")
    return 1 if moved else 0


@click.command("show")
@click.argument("tag")
@_OFFLINE
@_JSON
@click.pass_obj
def show_command(product: str, tag: str, offline: bool, as_json: bool) -> None:
    """Show the snapshot TAG whole: a tag's name, the last part of one, or ENVIRONMENT/latest-verified."""
    workspace = open_workspace(product, refresh=not offline)
    if not offline:
        tags.sync(workspace.repository)
    recorded = tags.read(workspace.repository, *_locate(workspace.repository, tag))
    open_catalogue(workspace.home).remember(recorded)
    if as_json:
        print_json(recorded)
    else:
        _print_whole(recorded)


def _sync(repository: Repository) -> str:
    """Fetch what others recorded; a moved tag is told and keeps nobody from seeing the rest."""
    try:
        tags.sync(repository)
    except SnapshotInvalid as error:
        note(f"reversion: {error}")
        return str(error)
    return ""


def _locate(repository: Repository, text: str) -> tuple[str, str]:
    """Return the tag's name (or the label) and the environment that a text means."""
    if named := environment_and_time(text):
        return text, named[0]
    environment, slash, label = text.rpartition("/")
    if slash and label == tags.LATEST_VERIFIED:
        return label, environment.removeprefix("reversion/")
    known = tags.names(repository)
    for name in known:
        if name.endswith(f"/{text}"):
            return name, name.split("/")[1]
    raise UnknownName.among("snapshot", text, known[:5])


def _row(found: Recorded | Broken) -> tuple[str, ...]:
    if isinstance(found, Broken):
        return (found.tag, f"broken: {found.problem.removeprefix(found.tag).strip()}", *[""] * (len(_HEADS) - 2))
    snapshot = found.snapshot
    return (
        found.tag,
        snapshot.label,
        f"{snapshot.taken_at:%Y-%m-%d %H:%M}",
        _verified(snapshot),
        "yes" if snapshot.complete else "no",
        str(len(snapshot.services)),
        _counts(snapshot),
        snapshot.taken_by.name,
    )


def _verified(snapshot: Snapshot) -> str:
    return {True: "yes", False: "failed", None: "no"}[snapshot.verified]


def _counts(snapshot: Snapshot) -> str:
    counted = Counter(feature.state for feature in snapshot.features.values())
    return ", ".join(f"{counted[state]} {state}" for state in State if counted[state])


def _print_whole(recorded: Recorded) -> None:
    snapshot = recorded.snapshot
    by = snapshot.taken_by
    facts = (
        ("Snapshot", recorded.tag),
        ("Label", snapshot.label),
        ("Environment", f"{snapshot.environment} of {snapshot.product}"),
        ("Taken", f"{snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC by {by.name} ({by.kind})"),
        ("Verified", _verified(snapshot)),
        ("Complete", "yes" if snapshot.complete else "no: not every service could be read"),
        ("Product commit", snapshot.product_commit),
        ("Tag object", recorded.tag_object),
        ("Previous", snapshot.previous),
    )
    print_table(("", ""), (fact for fact in facts if fact[1]))
    heads: tuple[str, ...] = ("Service", "Version", "Commit", "Known by", "Hosts", "Problem")
    print_table(heads, (_service(name, one) for name, one in sorted(snapshot.services.items())))
    heads = ("Feature", "Title", "Kind", "State", "Have of need")
    print_table(heads, (_feature(name, one) for name, one in sorted(snapshot.features.items())))


def _service(name: str, service: SnapshotService) -> tuple[str, ...]:
    commit, hosts = (service.commit or "")[:10], ", ".join(service.hosts)
    return name, service.version or "unknown", commit, service.mapped_by, hosts, service.problem


def _feature(name: str, feature: SnapshotFeature) -> tuple[str, ...]:
    return name, feature.title, feature.kind, feature.state, ", ".join(map(_part, feature.parts))


def _part(part: Part) -> str:
    return f"{part.service} {'?' if part.unknown else part.have}/{part.need}"
