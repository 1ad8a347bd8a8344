"""Which features a commit names, by the conventions of its service. Pure."""

from collections.abc import Container
from dataclasses import dataclass

from reversion.feature_settings import COUNTED, Conventional, FeatureSettings, MergeBranch
from reversion.features.finding import Find, Named, finder
from reversion.features.messages import Messages, clip, pull_requests, subject_of
from reversion.features.subjects import is_part, spelled

__all__ = ["Conventions", "Named", "counts", "made_ready", "mentions", "names_in", "names_of_merge"]

_MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class Conventions:
    """One service's conventions, made ready; `counted` is None where every type of commit counts.

    `branches` are those of the finders that look at the names of merged branches.
    """

    settings: FeatureSettings
    finders: tuple[Find, ...]
    branches: frozenset[Find]
    counted: frozenset[str] | None

    def names_in(self, messages: Messages, merges: Container[int] = ()) -> dict[int, tuple[Named, ...]]:
        """Return what the function of this name does, for each message that names something.

        Of `merges`, by number, only the branches' names are looked at.
        """
        found: dict[int, tuple[Named, ...]] = {}
        several: dict[int, list[Named]] = {}
        for find in self.finders:
            is_for_all = not merges or find in self.branches
            for number, named in find(messages):
                if is_for_all or number not in merges:
                    if number in found:
                        several.setdefault(number, [*found[number]]).append(named)
                    else:
                        found[number] = (named,)
        found.update((number, _each_once(every)) for number, every in several.items())
        return found

    def counts(self, subject: str) -> bool:
        return self.counted is None or is_part(subject, self.counted)


def mentions(message: str, service: str, settings: FeatureSettings) -> tuple[str, ...]:
    """Return the ids of the features that a message names."""
    return tuple(named.id for named in names_in(message, service, settings))


def names_in(message: str, service: str, settings: FeatureSettings, added: tuple[str, ...] = ()) -> tuple[Named, ...]:
    """Return the features that a commit names, in the order of the conventions, each once and at most a thousand.

    `added` are the paths that the commit adds. Only the message's first 200,000 characters are looked at, and only
    the first 1,000 of each line, so that nobody can stall a review with a commit message.
    """
    return made_ready(service, settings).names_in(Messages([clip(message)], [added])).get(0, ())


def names_of_merge(message: str, service: str, settings: FeatureSettings) -> tuple[Named, ...]:
    """Return the features that a merge names for the commits that it brings in.

    A pull request's says it anywhere; any other only by the branch's name, and where that is a convention.
    """
    merges = () if pull_requests(message, subject_of(message)) else (0,)
    return made_ready(service, settings).names_in(Messages([clip(message)]), merges).get(0, ())


def counts(subject: str, service: str, settings: FeatureSettings) -> bool:
    """Tell whether a commit of that subject can be a part of a feature, which `chore: ...` is not by default."""
    return made_ready(service, settings).counts(subject)


_READY: dict[tuple[int, str], Conventions] = {}


def made_ready(service: str, settings: FeatureSettings) -> Conventions:
    """Prepare each service of each settings object once: this is asked for every commit, and comparing takes long."""
    ready = _READY.get((id(settings), service))
    if ready is None or ready.settings is not settings:
        if len(_READY) > 1_000:
            _READY.clear()
        ready = _READY[id(settings), service] = _prepare(service, settings)
    return ready


def _prepare(service: str, settings: FeatureSettings) -> Conventions:
    conventions = settings.conventions_of(service)
    keeping = [convention for convention in conventions if isinstance(convention, Conventional)]
    counted = next((one.counts for one in reversed(keeping) if one.counts), COUNTED) if keeping else None
    finders = tuple(finder(convention, service) for convention in conventions)
    pairs = zip(finders, conventions, strict=True)
    branches = frozenset(find for find, convention in pairs if isinstance(convention, MergeBranch))
    return Conventions(settings, finders, branches, frozenset(map(spelled, counted)) if counted else None)


def _each_once(found: list[Named]) -> tuple[Named, ...]:
    by_id: dict[str, Named] = {}
    for named in found:
        by_id.setdefault(named.id, named)
    return tuple(by_id.values())[:_MOST_NAMES]
