"""Work out which features are there, from what runs and from the services' histories."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reversion.adapters.index import Index
from reversion.adapters.index_store import IndexStore
from reversion.environment import Observation
from reversion.features.resolver import Resolver
from reversion.features.values import Feature, Mapped
from reversion.operations.checking import checked
from reversion.operations.remembering import remember
from reversion.operations.titling import titles_of
from reversion.operations.workspace import Workspace

Versions = Mapping[str, str | None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """The histories of all services, read once, and the commits that the wanted versions name.

    `problems` says, by service, why a history could not be read; the features of such a service are unknown.
    """

    resolver: Resolver
    mapped: Mapping[tuple[str, str], Mapped]
    problems: Mapping[str, str]

    def commits(self, versions: Versions) -> dict[str, str | None]:
        """Turn versions (None: not known) into commits (None: not known)."""
        return {
            service: self.mapped[service, version].commit if version else None
            for service, version in versions.items()
        }


def study(workspace: Workspace, *wanted: Versions, refresh: bool = True) -> Study:
    """Read every service's history with all wanted versions in it; what can't be read is unknown, not an error."""
    versions = {
        name: frozenset(version for each in wanted if (version := each.get(name)))
        for name in workspace.product.services
    }
    services = tuple(workspace.product.services.values())
    studied = index_of(workspace).study(services, versions, refresh=refresh)
    resolver = Resolver(studied.books, workspace.product.features, workspace.entries)
    resolver = resolver.titled(titles_of(workspace, resolver.ids, refresh=refresh))
    return Study(resolver, {(m.service, m.version): m for m in studied.mapped if m.version}, studied.problems)


def index_of(workspace: Workspace) -> Index:
    """Return the index of the product's services, kept in the catalogue where that can be used."""
    store: list[IndexStore] = []
    remember(workspace, lambda catalogue: store.append(catalogue.index()))
    return Index(
        workspace.root, workspace.home, workspace.product.features, workspace.entries, store[0] if store else None
    )


def running_versions(observation: Observation, workspace: Workspace) -> dict[str, str | None]:
    """Return the version of each of the product's services that has instances; None where it can't be told."""
    return {
        service: observation.running(service).version
        for service in observation.services()
        if service in workspace.product.services
    }


def features_of(
    workspace: Workspace, observation: Observation, *, refresh: bool = True, say: Say = lambda _: None
) -> tuple[Feature, ...]:
    """Judge every feature at what was observed, and remember the verdicts; `say` is told why some are unknown."""
    return features_of_all(workspace, (observation,), refresh=refresh, say=say)[0]


def features_of_all(
    workspace: Workspace,
    observations: tuple[Observation, ...],
    *,
    refresh: bool = True,
    say: Say = lambda _: None,
) -> tuple[tuple[Feature, ...], ...]:
    """Judge every feature at each of what was observed, reading each history once."""
    versions = [running_versions(observation, workspace) for observation in observations]
    studied = study(workspace, *versions, refresh=refresh)
    for line in dict.fromkeys(_why_unknown(studied, observations)):
        say(line)
    environments = (observation.environment for observation in observations)
    return tuple(judge(workspace, name, studied, each) for name, each in zip(environments, versions, strict=True))


def judge(workspace: Workspace, environment: str, studied: Study, versions: Versions) -> tuple[Feature, ...]:
    """Judge every feature at the versions that the environment runs, and remember the verdicts."""
    vector, now = studied.commits(versions), datetime.now(UTC)
    features = checked(workspace, studied.resolver, studied.resolver.features(vector), vector)
    remember(workspace, lambda catalogue: catalogue.record_features(environment, features, now))
    return features


def _why_unknown(studied: Study, observations: tuple[Observation, ...]) -> Iterator[str]:
    """Yield why the features of some services can't be known: no history, no version, or one that names no commit."""
    for service, problem in studied.problems.items():
        yield f"The features of {service} are unknown: {problem}"
    for observation in observations:
        for service in observation.services():
            running = observation.running(service)
            mapped = studied.mapped.get((service, running.version or ""))
            if running.version is None:
                yield f"{observation.environment}: which {service} runs is unknown: {running.problem}"
            elif mapped and not mapped.commit and service not in studied.problems:
                yield f"{observation.environment}: {mapped.problem}"
