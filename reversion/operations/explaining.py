"""Explain why features are told to be in a state, with what Git says of the commits that decide it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from reversion.adapters import releases
from reversion.adapters.histories import heads_of, open_source
from reversion.errors import ReversionError, UnknownName
from reversion.features import explaining
from reversion.features.explaining import Explanation, Lore, evidence
from reversion.features.ledger import Ledger
from reversion.features.naming import Naming
from reversion.features.recalling import out_of_sight
from reversion.features.releases import first_releases, tips
from reversion.features.resolver import Resolver, Vector
from reversion.features.values import Feature, State
from reversion.operations.checking import are_whole, checked
from reversion.operations.judging import Study, Versions, index_of, running_versions, study
from reversion.operations.observing import observe
from reversion.operations.referring import parted, refer
from reversion.operations.tagging import whole_name
from reversion.operations.workspace import Workspace
from reversion.product import Service
from reversion.snapshot import Snapshot, features_when_taken, unread_features
from reversion.text import closest, near, plain

_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Place:
    """Where a feature is looked at: in words, with what names the services' commits, and why one is not known.

    `shown` are the versions as people know them.
    """

    told: str
    versions: Versions
    shown: Versions = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    snapshot: Snapshot | None = None


def explain(workspace: Workspace, id: str, where: str = "", *, refresh: bool = True) -> Explanation:
    """Explain a feature in an environment as it runs now, at a snapshot or what else `refer` knows, or as tracked.

    Raise UnknownName, with near names, where nothing names such a feature.
    """
    place = _place(workspace, where, refresh=refresh)
    studied = study(workspace, place.versions, refresh=refresh and bool(where))
    id = Naming(workspace.product.features, workspace.entries).meant(id)
    vector = studied.commits(place.versions)
    feature = _feature(workspace, studied, place, id, vector)
    ledgers = ledgers_of(workspace, studied.resolver, (feature.id,), vector)
    lore = replace(
        gather(workspace, ledgers, (feature.id,)),
        versions=place.shown,
        problems={**_unmapped(studied, place), **place.problems, **studied.problems},
    )
    told = explaining.explain(ledgers, feature, vector, lore, place.told)
    return told.model_copy(update={"notes": (*told.notes, *_more_notes(studied, place, feature))})


def gather(workspace: Workspace, ledgers: Mapping[str, Ledger], ids: tuple[str, ...]) -> Lore:
    """Look up what Git says of all that explanations of these features name; what can't be read is left out."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        parts = tuple(pool.map(lambda ledger: _look_up(workspace, ledger, ids), ledgers.values()))
    return Lore(
        releases={key: release for part in parts for key, release in part.releases.items()},
        whole={undone: is_whole for part in parts for undone, is_whole in part.whole.items()},
        elsewhere={key: picks for part in parts for key, picks in part.elsewhere.items()},
    )


def ledgers_of(workspace: Workspace, resolver: Resolver, ids: Iterable[str], *vectors: Vector) -> dict[str, Ledger]:
    """Return the ledgers of all services that have one of the features."""
    services = {row.service for id in ids for row in resolver.rows(id)}
    wanted = tuple(one for name, one in workspace.product.services.items() if name in services)
    commits = {name: [commit for vector in vectors if (commit := vector.get(name))] for name in services}
    return index_of(workspace).ledgers(wanted, commits)


def _look_up(workspace: Workspace, ledger: Ledger, ids: tuple[str, ...]) -> Lore:
    name, reading = ledger.service, ledger.source.reading
    service = workspace.product.services[name]
    found = [evidence(ledger, id) for id in ids]
    commits = tuple(dict.fromkeys(commit for one in found for commit in one.commits))
    whole = are_whole(workspace, name, (undone for one in found for undone in one.undone))
    try:
        repository = open_source(service, workspace.root, workspace.home, refresh=False)
        read = tips(reading)
        tags = releases.read_tags(repository, service, reading.records.number, read)
        picks = releases.read_picks(repository, tags, read)
    except ReversionError:
        return Lore(whole=whole)
    elsewhere: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for pick in picks:
        for source in set(pick.sources).intersection(commits):
            elsewhere[name, source][pick.commit] = pick.subject
    named = (*commits, *(pick for found in elsewhere.values() for pick in found))
    firsts = first_releases(reading, tags.besides, tags.commits, named)
    return Lore({(name, commit): release for commit, release in firsts.items()}, whole, elsewhere)


def _place(workspace: Workspace, where: str, *, refresh: bool) -> Place:
    if not where:
        return _tracked(workspace, refresh=refresh)
    if where in workspace.product.environments:
        seen = observe(workspace, workspace.product.environment(where))
        problems = {name: problem for name in seen.services() if (problem := seen.running(name).problem)}
        told = f"in {where}, as observed {seen.taken_at:%Y-%m-%d %H:%M} UTC"
        versions = running_versions(seen, workspace)
        return Place(told, versions, versions, problems)
    reference, environment = parted(whole_name(workspace, where) or where)
    try:
        referred = refer(workspace, reference, environment, refresh=refresh)
    except UnknownName as error:
        meant = closest(where, tuple(workspace.product.environments))
        raise UnknownName(
            error.message, f"Did you mean the environment '{meant}'?" if meant else error.todo
        ) from error
    services = referred.versions.services
    problems = {name: one.problem for name, one in services.items() if one.problem}
    shown = {name: one.version for name, one in services.items()}
    told = f"at {plain(reference, 120)}" + (f" in {environment}" if environment else "")
    return Place(told, referred.versions.versions(), shown, problems, referred.snapshot)


def _tracked(workspace: Workspace, *, refresh: bool) -> Place:
    """Return the head of the first tracked branch of each service."""

    def head(service: Service) -> str | None:
        try:
            repository = open_source(service, workspace.root, workspace.home, refresh=refresh)
            return next(iter(heads_of(repository, service)), None)
        except ReversionError:
            return None

    services = workspace.product.services
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        heads = dict(zip(services, pool.map(head, services.values()), strict=True))
    return Place("on the tracked branches", heads)


def _feature(workspace: Workspace, studied: Study, place: Place, id: str, vector: Vector) -> Feature:
    """Return the feature as it is judged at the place; what only the snapshot knows is unknown."""
    resolver = studied.resolver
    judged = next((feature for feature in resolver.features(vector) if feature.id == id), None)
    hidden = {one.id: one for one in _hidden(studied, place)}
    if id in hidden:
        return judged.model_copy(update={"state": State.UNKNOWN}) if judged else hidden[id]
    if judged is None:
        close = near(id, (*resolver.ids, *hidden))
        gone = f" The histories of {', '.join(studied.problems)} could not be read." if studied.problems else ""
        raise UnknownName(
            f"No feature named '{plain(id, 80)}'.{gone}",
            f"Near: {', '.join(map(plain, close))}." if close else "'reversion board' lists those there are.",
        )
    return checked(workspace, resolver, (judged,), vector)[0]


def _hidden(studied: Study, place: Place) -> tuple[Feature, ...]:
    if place.snapshot is None:
        return ()
    taken = features_when_taken(place.snapshot)
    unread = unread_features(place.snapshot, frozenset(studied.problems))
    return (*out_of_sight(taken, frozenset(studied.resolver.ids)), *unread)


def _unmapped(studied: Study, place: Place) -> dict[str, str]:
    """Say by service why its version names no commit."""
    mapped = {name: studied.mapped.get((name, version or "")) for name, version in place.versions.items()}
    return {name: one.problem for name, one in mapped.items() if one and one.problem}


def _more_notes(studied: Study, place: Place, feature: Feature) -> list[str]:
    notes = [f"Whether {name} has a part of it is not known: {problem}" for name, problem in studied.problems.items()]
    then = place.snapshot.features.get(feature.id) if place.snapshot else None
    if then and then.state != feature.state:
        notes.append(f"The snapshot says that it was {then.state.value} when it was taken.")
    return notes
