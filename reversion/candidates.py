"""How far each snapshot lies from what runs now, told in features as the snapshots recorded them. Pure.

What a snapshot recorded was judged when it was taken; the plan judges anew, with all commits that are there by then.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from reversion.features.describing import in_order
from reversion.features.titles import Kind
from reversion.features.values import Feature, Part, State
from reversion.plan import Plan
from reversion.snapshot import Recorded, Snapshot, SnapshotFeature
from reversion.text import Value

_THERE = (State.COMPLETE, State.PARTIAL)


class Criteria(Value):
    """What a snapshot must be: `present` features complete, `missing` ones not there, not even in part."""

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    verified: bool = False
    complete: bool = False

    def fits(self, snapshot: Snapshot) -> bool:
        return (
            (snapshot.verified is True or not self.verified)
            and (snapshot.complete or not self.complete)
            and all(_state(snapshot, name) is State.COMPLETE for name in self.present)
            and all(_state(snapshot, name) in (State.ABSENT, State.WITHDRAWN) for name in self.missing)
        )


class Distance(Value):
    """What going from what runs now to one snapshot would do, in ids of features.

    `security` are those of `lost` and `made_partial` that are security fixes. `services` are those whose version
    would change; `same` are the tags of other snapshots of the very same versions. With `otherwise_named` the
    snapshot was taken under other conventions, so that features may only seem to be lost or regained.
    """

    tag: str
    label: str
    taken_at: datetime
    verified: bool | None
    complete: bool
    lost: tuple[str, ...] = ()
    made_partial: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    resurrected: tuple[str, ...] = ()
    regained: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    otherwise_named: bool = False

    @property
    def losses(self) -> tuple[str, ...]:
        return self.lost + self.made_partial


class Now(Value):
    """What an environment runs: features, version by service (None where it can't be told), conventions' digest."""

    features: tuple[Feature, ...]
    versions: dict[str, str | None] = {}
    conventions: str = ""


class Nearer(Value):
    """A newer snapshot than the chosen one that takes away some of what that takes away, and nothing else.

    `losses` are the ids of those, `security` how many of them are security fixes.
    """

    tag: str
    losses: tuple[str, ...]
    security: int = 0


def rank(now: Now, snapshots: Iterable[Recorded]) -> tuple[Distance, ...]:
    """Order snapshots by what they would take away: fewest security fixes, then fewest features, then the newest.

    Of snapshots with the same versions the newest one stands for all; one that is verified goes before.
    """
    found: dict[tuple[tuple[str, str | None], ...], list[Recorded]] = {}
    for recorded in snapshots:
        versions = sorted((name, one.version) for name, one in recorded.snapshot.services.items())
        found.setdefault(tuple(versions), []).append(recorded)
    ranked = [_standing_for(now, alike) for alike in found.values()]
    ranked.sort(key=lambda one: one.taken_at, reverse=True)
    return tuple(sorted(ranked, key=_weight))


def distance(now: Now, recorded: Recorded) -> Distance:
    """Sort every feature that either side knows by what going back would do to it."""
    snapshot = recorded.snapshot
    before = {feature.id: feature for feature in now.features}
    groups: dict[str, list[str]] = {}
    for id in sorted({*before, *snapshot.features}, key=lambda id: in_order(_kind(id, before, snapshot), id)):
        groups.setdefault(_group(before.get(id), snapshot.features.get(id)), []).append(id)
    told = {name: tuple(groups.get(name, ())) for name in _GROUPS}
    losses = told["lost"] + told["made_partial"]
    return Distance(
        tag=recorded.tag,
        label=snapshot.label,
        taken_at=snapshot.taken_at,
        verified=snapshot.verified,
        complete=snapshot.complete,
        security=tuple(id for id in losses if _kind(id, before, snapshot) == "security"),
        services=tuple(
            name
            for name, service in sorted(snapshot.services.items())
            if name in now.versions and now.versions[name] != service.version
        ),
        otherwise_named=bool(now.conventions) and now.conventions != snapshot.conventions,
        **told,
    )


def nearer(plan: Plan, snapshots: Sequence[Recorded]) -> Nearer | None:
    """Return the newest of the snapshots, newest first, that is a smaller way back than the plan's, or None.

    It must be verified and complete, and take away something, but only what the plan takes away too, and less of it.
    Which of the lost features is the bad one nobody has said: so whoever reads this is told which ones it takes away.
    """
    mine = [change.feature for change in (*plan.comparison.lost, *plan.comparison.made_partial)]
    security = {feature.id for feature in mine if feature.kind == "security"}
    now = Now(features=_before(plan))
    for recorded in snapshots:
        if recorded.tag == plan.snapshot or not recorded.snapshot.verified or not recorded.snapshot.complete:
            continue
        found = distance(now, recorded)
        if set(found.losses) < {feature.id for feature in mine} and found.losses and not found.unknown:
            return Nearer(tag=recorded.tag, losses=found.losses, security=len(security & set(found.losses)))
    return None


_GROUPS = ("lost", "made_partial", "resurrected", "regained", "unknown")


def _group(now: Feature | None, then: SnapshotFeature | None) -> str:
    before = now.state if now else State.ABSENT
    after = then.state if then else State.ABSENT
    if State.UNKNOWN in (before, after):
        return "unknown"
    if before not in _THERE:
        if after not in _THERE:
            return "absent"
        return "resurrected" if before is State.WITHDRAWN else "regained"
    if after not in _THERE:
        return "lost"
    return "made_partial" if now and then and _has_less(now.parts, then.parts) else "kept"


def _has_less(now: tuple[Part, ...], then: tuple[Part, ...]) -> bool:
    had = {part.service: part.have for part in then}
    return any(part.have > had.get(part.service, 0) for part in now)


def _before(plan: Plan) -> tuple[Feature, ...]:
    """Return the features as the plan found them, before it would take anything away."""
    groups = (getattr(plan.comparison, name) for name in type(plan.comparison).model_fields)
    return tuple(
        change.feature.model_copy(update={"state": change.before, "parts": change.parts_before})
        for group in groups
        for change in group
    )


def _standing_for(now: Now, alike: list[Recorded]) -> Distance:
    alike.sort(key=lambda each: (each.snapshot.verified is True, each.snapshot.taken_at), reverse=True)
    others = tuple(each.tag for each in alike[1:])
    return distance(now, alike[0]).model_copy(update={"same": others})


def _weight(found: Distance) -> tuple[int, int, int, int]:
    return len(found.security), len(found.losses), len(found.resurrected), len(found.unknown)


def _kind(id: str, before: Mapping[str, Feature], snapshot: Snapshot) -> Kind:
    known: Feature | SnapshotFeature | None = before.get(id) or snapshot.features.get(id)
    return known.kind if known else "feature"


def _state(snapshot: Snapshot, id: str) -> State:
    found = snapshot.features.get(id)
    return found.state if found else State.ABSENT
