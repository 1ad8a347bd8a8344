"""Which features a commit names, by the conventions of its service. Pure."""

from dataclasses import dataclass

from reversion.feature_settings import COUNTED, Conventional, FeatureSettings, Line, MergeBranch, Trailer
from reversion.features.finding import Find, Named, finder
from reversion.features.messages import clip, pull_requests, subject_of
from reversion.features.subjects import is_part, spelled

__all__ = ["Conventions", "Named", "counts", "made_ready", "mentions", "names_in", "names_of_merge"]

_MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class Conventions:
    """One service's conventions, made ready; `counted` is None where every type of commit counts."""

    settings: FeatureSettings
    finders: tuple[Find, ...]
    branches: tuple[Find, ...]
    counted: frozenset[str] | None
    folds: bool

    def names_in(self, text: str, added: tuple[str, ...] = ()) -> tuple[Named, ...]:
        """Return what the function of this name does, of a message that was clipped."""
        found: list[Named] = []
        lowered = _lowered(text) if self.folds else ""
        for find in self.finders:
            found += find(text, lowered, added)
        if len(found) < 2:
            return tuple(found)
        by_id: dict[str, Named] = {}
        for named in found:
            by_id.setdefault(named.id, named)
        return tuple(by_id.values())[:_MOST_NAMES]

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
    return made_ready(service, settings).names_in(clip(message), added)


def names_of_merge(message: str, service: str, settings: FeatureSettings) -> tuple[Named, ...]:
    """Return the features that a merge names for the commits that it brings in.

    A pull request's says it anywhere; any other only by the branch's name, and where that is a convention.
    """
    if pull_requests(message, subject_of(message)):
        return names_in(message, service, settings)
    branches = made_ready(service, settings).branches
    return tuple(dict.fromkeys(named for find in branches for named in find(message, "", ())))


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
    return Conventions(
        settings,
        tuple(finder(convention, service) for convention in conventions),
        tuple(finder(convention, service) for convention in conventions if isinstance(convention, MergeBranch)),
        frozenset(map(spelled, counted)) if counted else None,
        any(isinstance(convention, Line | Trailer) for convention in conventions),
    )


def _lowered(text: str) -> str:
    """Return the text in lower case and of the same length: only the capital I with a dot becomes longer."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "I").lower()
