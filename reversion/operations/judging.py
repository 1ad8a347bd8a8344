"""Work out which features are there, from what runs and from the services' histories."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reversion.adapters import histories
from reversion.environment import Observation
from reversion.features.resolver import Resolver
from reversion.features.values import Feature, Mapped
from reversion.operations.remembering import remember
from reversion.operations.workspace import Workspace

Versions = Mapping[str, str | None]


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
    read, mapped = histories.read_all(services, workspace.root, workspace.home, versions, refresh=refresh)
    resolver = Resolver(read, workspace.product.features, workspace.entries)
    problems = {history.service: history.problem for history in read if history.problem}
    return Study(resolver, {(m.service, m.version): m for m in mapped if m.version}, problems)


def running_versions(observation: Observation, workspace: Workspace) -> dict[str, str | None]:
    """Return the version of each of the product's services that has instances; None where it can't be told."""
    return {
        service: observation.running(service).version
        for service in observation.services()
        if service in workspace.product.services
    }


def features_of(workspace: Workspace, observation: Observation, *, refresh: bool = True) -> tuple[Feature, ...]:
    """Judge every feature at what was observed, and remember the verdicts."""
    return features_of_all(workspace, (observation,), refresh=refresh)[0]


def features_of_all(
    workspace: Workspace, observations: tuple[Observation, ...], *, refresh: bool = True
) -> tuple[tuple[Feature, ...], ...]:
    """Judge every feature at each of what was observed, reading each history once."""
    versions = [running_versions(observation, workspace) for observation in observations]
    studied = study(workspace, *versions, refresh=refresh)
    judged = tuple(studied.resolver.features(studied.commits(each)) for each in versions)
    for observation, features in zip(observations, judged, strict=True):
        _remember(workspace, observation.environment, features)
    return judged


def _remember(workspace: Workspace, environment: str, features: tuple[Feature, ...]) -> None:
    now = datetime.now(UTC)
    remember(workspace, lambda catalogue: catalogue.record_features(environment, features, now))
