"""What the names in commits stand for, by what the catalogue's entries say of keys and commits. Pure."""

from collections import defaultdict

from reversion.feature_settings import CatalogueEntry, FeatureSettings, PullRequest
from reversion.features.finding import SERVICE


class Naming:
    """Features' ids by name: the name itself, or every entry that has it among its keys or pull requests."""

    def __init__(self, settings: FeatureSettings, entries: tuple[CatalogueEntry, ...]) -> None:
        self._settings = settings
        self._keys = {entry.id: (entry.id, *entry.keys) for entry in entries}
        self._meant: dict[str, dict[str, None]] = defaultdict(dict)
        self._excluded: dict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in entries:
            for key in (entry.id, *entry.keys, *entry.pull_requests):
                self._meant[key][entry.id] = None
            for service, _, commit in (excluded.rpartition("@") for excluded in entry.exclude):
                self._excluded[service, entry.id].append(commit)
        self.needs_pulls = any("#" in key for key in self._meant)

    def features(self, service: str, name: str) -> tuple[str, ...]:
        """Return the ids that a name stands for, written for the service.

        A pull request's, `#12`, stands for one only by convention or in the catalogue.
        """
        name = name.replace(SERVICE, service)
        if name.startswith("#"):
            name = f"{service}{name}"
            if name not in self._meant and not self._names_pulls(service):
                return ()
        return tuple(self._meant.get(name, (name,)))

    def meant(self, name: str) -> str:
        """Return the one entry that has a name, or else the name."""
        entries = tuple(self._meant.get(name, ()))
        return entries[0] if len(entries) == 1 else name

    def keys(self, feature: str) -> tuple[str, ...]:
        """Return the ids that stand for a feature in what people write."""
        return self._keys.get(feature, (feature,))

    def excluded(self, service: str, feature: str) -> tuple[str, ...]:
        """Return the service's commits, by id or its beginning, that are no evidence of the feature."""
        return tuple(self._excluded.get((service, feature), ()))

    def _names_pulls(self, service: str) -> bool:
        return any(isinstance(convention, PullRequest) for convention in self._settings.conventions_of(service))
