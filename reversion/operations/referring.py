"""Judge the features that a commit, tag, branch or snapshot of the product stands for, and compare two of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from reversion.adapters.tags import LATEST_VERIFIED
from reversion.adapters.version_reading import read_sources
from reversion.errors import InvalidInput, ProductInvalid, SnapshotInvalid, UnknownName
from reversion.features.recalling import out_of_sight, there
from reversion.features.values import Comparison, Feature, Relation
from reversion.operations.checking import checked, checked_changes
from reversion.operations.judging import Study, study
from reversion.operations.tagging import find
from reversion.operations.workspace import Workspace
from reversion.snapshot import Recorded, Snapshot, environment_and_time, features_when_taken, unread_features
from reversion.text import closest, plain
from reversion.version_sets import VersionSet, merge, of_snapshot
from reversion.version_sources import for_environment, needs_environment, suggest


@dataclass(frozen=True)
class Referred:
    """The versions that a reference means, and the snapshot where it is one."""

    versions: VersionSet
    snapshot: Snapshot | None = None


@dataclass(frozen=True)
class Judged:
    """Every feature at a reference; the notes say what is unknown and why, and what was left out."""

    versions: VersionSet
    features: tuple[Feature, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What going from one reference to another does, by feature and by service."""

    before: VersionSet
    after: VersionSet
    comparison: Comparison
    relations: tuple[Relation, ...]
    notes: tuple[str, ...]


def features_at(workspace: Workspace, reference: str, environment: str = "", *, refresh: bool = True) -> Judged:
    """Judge every feature at the versions that the product had at a reference; see `refer`."""
    referred = refer(workspace, reference, environment, refresh=refresh)
    versions = referred.versions.versions()
    studied = study(workspace, versions, refresh=refresh)
    vector = studied.commits(versions)
    judged = checked(workspace, studied.resolver, studied.resolver.features(vector), vector)
    found = {feature.id: feature for feature in judged}
    found |= {feature.id: feature for feature in _hidden(studied, referred)}
    return Judged(_mapped(studied, referred), tuple(found.values()), tuple(_notes(studied, referred)))


def compare(workspace: Workspace, before: str, after: str, *, refresh: bool = True) -> Difference:
    """Compare what two references mean; each is one as in `refer`, or ENVIRONMENT:REFERENCE."""
    old = refer(workspace, *parted(before), refresh=refresh)
    new = refer(workspace, *parted(after), refresh=refresh)
    studied = study(workspace, old.versions.versions(), new.versions.versions(), refresh=refresh)
    here, then = studied.commits(old.versions.versions()), studied.commits(new.versions.versions())
    told = there((*_taken(old), *_taken(new)))
    unknown = {feature.id: feature for feature in (*_hidden(studied, old), *_hidden(studied, new))}
    relation = studied.resolver.relation
    comparison = studied.resolver.compare(here, then, told).with_unknown(tuple(unknown.values()))
    return Difference(
        before=_mapped(studied, old),
        after=_mapped(studied, new),
        comparison=checked_changes(workspace, studied.resolver, comparison, here, then),
        relations=tuple(
            relation(name, here.get(name, ""), then.get(name, ""))
            for name in workspace.product.services
            if name in here or name in then
        ),
        notes=tuple(dict.fromkeys((*_notes(studied, old), *_notes(studied, new)))),
    )


def refer(workspace: Workspace, reference: str, environment: str = "", *, refresh: bool = True) -> Referred:
    """Return the versions that belong together at a reference.

    A snapshot (its tag, `latest-verified` of the environment, or ENVIRONMENT/latest-verified) has its own; for any
    other commit, tag or branch they are what the product's version sources said there. Raise UnknownName,
    SnapshotInvalid, ProductInvalid, or InvalidInput where it takes an environment to tell.
    """
    wanted = workspace.product.environment(environment) if environment else None
    name = reference.removeprefix("refs/tags/")
    if owner := _owner(name, environment):
        if wanted and wanted.name != owner:
            raise SnapshotInvalid(f"{plain(name)} is a snapshot of {plain(owner, 40)}, not of {wanted.name}.")
        tag = LATEST_VERIFIED if name.endswith(LATEST_VERIFIED) else name
        return _of(workspace, find(workspace, workspace.product.environment(owner), tag, refresh=refresh))
    return Referred(_read(workspace, plain(reference, 100), _resolve(workspace, reference), environment))


def _owner(name: str, environment: str) -> str:
    """Return the environment of the snapshot that a name means, or nothing where it means none."""
    if known := environment_and_time(name):
        return known[0]
    owner, _, label = name.rpartition("/")
    return (owner.removeprefix("reversion/") or environment) if label == LATEST_VERIFIED else ""


def parted(text: str) -> tuple[str, str]:
    """Return the reference and the environment that stands before it, or none."""
    environment, _, reference = text.rpartition(":")
    return reference, environment


def _of(workspace: Workspace, recorded: Recorded) -> Referred:
    return Referred(of_snapshot(recorded, workspace.product.services), recorded.snapshot)


def _resolve(workspace: Workspace, reference: str) -> str:
    repository = workspace.repository
    commit = repository.resolve(reference) or repository.resolve(f"refs/remotes/origin/{reference}")
    if commit:
        return commit
    listed = repository.run("for-each-ref", "--format=%(refname:lstrip=2)", "--sort=-creatordate", "refs/tags")
    tags = tuple(tag for tag in listed.splitlines() if not tag.startswith("reversion/"))
    near = closest(reference[:100], tags[:1000])
    known = f"Known tags: {plain(', '.join(tags[:5]))}. " if tags else ""
    raise UnknownName(
        f"The product has no commit, tag or branch '{plain(reference, 80)}'.",
        f"Did you mean '{plain(near)}'?" if near else f"{known}Name one of these, or fetch it: git fetch --tags",
    )


def _read(workspace: Workspace, reference: str, commit: str, environment: str) -> VersionSet:
    product, sources = workspace.product, workspace.product.versions
    if not sources:
        files = workspace.repository.list_files(commit)
        raise ProductInvalid(
            "Nothing in reversion.yaml says where the product keeps the versions that belong together.",
            f"Write it there, e.g. 'versions: [{suggest(files, tuple(product.environments))}]', and commit it; "
            "docs/product-file.md has every kind.",
        )
    differs = any(map(needs_environment, sources))
    if differs and not environment:
        names = ", ".join(product.environments)
        raise InvalidInput(
            f"The versions at {reference} are others in each environment ('versions' in reversion.yaml).",
            f"Name one of {names}: features ENV --at {reference}, why FEATURE ENV:{reference}, "
            f"or compare ENV:{reference} ...",
        )
    here = tuple(for_environment(source, environment) for source in sources) if differs else sources
    services = tuple(product.services.values())
    readings = read_sources(workspace.repository, commit, here, services, environment if differs else "")
    return merge(reference, commit, tuple(product.services), readings).model_copy(
        update={"environment": environment, "is_common": bool(environment) and not differs}
    )


def _taken(referred: Referred) -> tuple[Feature, ...]:
    return features_when_taken(referred.snapshot) if referred.snapshot else ()


def _hidden(studied: Study, referred: Referred) -> tuple[Feature, ...]:
    """Return, as unknown, what a snapshot knows of and what can't be judged now."""
    if referred.snapshot is None:
        return ()
    unread = unread_features(referred.snapshot, frozenset(studied.problems))
    return (*unread, *out_of_sight(_taken(referred), frozenset(studied.resolver.ids)))


def _mapped(studied: Study, referred: Referred) -> VersionSet:
    """Return the version set with the commit that each version names, or why it names none."""
    found = {}
    for name, one in referred.versions.services.items():
        mapped = studied.mapped.get((name, one.commit or one.version or ""))
        commit = mapped.commit if mapped else None
        unread = "" if commit or not mapped or name in studied.problems else mapped.problem
        found[name] = one.model_copy(update={"commit": commit or one.commit, "problem": one.problem or unread})
    return referred.versions.model_copy(update={"services": found})


def _notes(studied: Study, referred: Referred) -> Iterator[str]:
    yield from _mapped(studied, referred).notes()
    for name, problem in studied.problems.items():
        yield f"The features of {name} are unknown: {problem}"
