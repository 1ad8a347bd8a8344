"""`reversion show`: one snapshot whole, and how its features are judged now."""

import click

from reversion.adapters import tags
from reversion.commands.printing import note, print_json, print_table
from reversion.commands.snapshots import verified
from reversion.errors import ReversionError
from reversion.features.values import Feature
from reversion.operations.referring import features_at
from reversion.operations.tagging import locate
from reversion.operations.workspace import Workspace, open_workspace
from reversion.report import parts
from reversion.snapshot import Recorded, Snapshot, SnapshotFeature, SnapshotService


@click.command("show")
@click.argument("tag")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show_command(product: str, tag: str, offline: bool, as_json: bool) -> None:
    """Show the snapshot TAG whole: a tag's name, the last part of one, or ENVIRONMENT/latest-verified.

    Each feature has the state that it had when the snapshot was taken, and how it is judged at those versions now.
    """
    workspace = open_workspace(product, refresh=not offline)
    if not offline:
        tags.sync(workspace.repository)
    recorded = locate(workspace, tag)
    now = _now(workspace, recorded, refresh=not offline)
    if as_json:
        judged = {name: {"state": one.state.value, "parts": one.parts} for name, one in now.items()}
        print_json(recorded.model_dump(mode="json") | {"now": judged})
    else:
        _print_whole(recorded, now)


def _now(workspace: Workspace, recorded: Recorded, *, refresh: bool) -> dict[str, Feature]:
    """Judge the snapshot's versions anew; what keeps that from being done is told, and the rest is still shown."""
    try:
        judged = features_at(workspace, recorded.tag, refresh=refresh)
    except ReversionError as error:
        note(f"reversion: {error}")
        return {}
    for line in judged.notes:
        note(line)
    return {feature.id: feature for feature in judged.features}


def _print_whole(recorded: Recorded, now: dict[str, Feature]) -> None:
    snapshot = recorded.snapshot
    by = snapshot.taken_by
    facts = (
        ("Snapshot", recorded.tag),
        ("Label", snapshot.label),
        ("Environment", f"{snapshot.environment} of {snapshot.product}"),
        ("Taken", f"{snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC by {by.name} ({by.kind})"),
        ("Verified", verified(snapshot)),
        ("Complete", "yes" if snapshot.complete else "no: not every service could be read"),
        ("Product commit", snapshot.product_commit),
        ("Tag object", recorded.tag_object),
        ("Previous", snapshot.previous),
    )
    print_table(("", ""), (fact for fact in facts if fact[1]))
    heads: tuple[str, ...] = ("Service", "Version", "Commit", "Known by", "Hosts", "Problem")
    print_table(heads, (_service(name, one) for name, one in sorted(snapshot.services.items())))
    heads = ("Feature", "Title", "Kind", "State", "Have of need", "Now")
    print_table(heads, _features(snapshot, now))


def _service(name: str, service: SnapshotService) -> tuple[str, ...]:
    commit, hosts = (service.commit or "")[:10], ", ".join(service.hosts)
    return name, service.version or "unknown", commit, service.mapped_by, hosts, service.problem


def _features(snapshot: Snapshot, now: dict[str, Feature]) -> list[tuple[str, ...]]:
    """Return a row per feature; those that nobody knew of when the snapshot was taken come last."""
    then = sorted(snapshot.features.items())
    new = (one for name, one in sorted(now.items()) if name not in snapshot.features)
    return [
        *(
            (name, one.title, one.kind, one.state, parts(one.parts), _beside(one, now.get(name)))
            for name, one in then
        ),
        *((one.id, one.title, one.kind, "not recorded", "", _judged(one)) for one in new if _is_there(one)),
    ]


def _beside(then: SnapshotFeature, now: Feature | None) -> str:
    if now is None:
        return "not judged"
    return "same" if (now.state, now.parts) == (then.state, then.parts) else _judged(now)


def _judged(feature: Feature) -> str:
    services = f" ({told})" if (told := parts(feature.parts)) else ""
    return feature.state.value + services


def _is_there(feature: Feature) -> bool:
    return any(part.have for part in feature.parts)
