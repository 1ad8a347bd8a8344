"""Which of a service's commits are evidence of which feature. Pure."""

from collections import defaultdict

from reversion.features.conventions import Named, names_in
from reversion.features.reading import Reading, touches
from reversion.features.values import History
from reversion.product import CatalogueEntry, FeatureSettings


class Naming:
    """How features are named: by the conventions, and by the keys that a catalogue entry collects under its id."""

    def __init__(self, settings: FeatureSettings, entries: tuple[CatalogueEntry, ...]) -> None:
        self._settings = settings
        self._meant: dict[str, list[str]] = defaultdict(list)
        for entry in entries:
            for key in (entry.id, *entry.keys):
                if entry.id not in self._meant[key]:
                    self._meant[key].append(entry.id)

    def of(self, service: str, text: str, pulls: tuple[str, ...]) -> tuple[Named, ...]:
        """Return the features that a message names; a catalogue's `cart#12` needs no convention."""
        found = {named.id: named for named in names_in(text, service, self._settings)}
        for number in pulls:
            if (id := f"{service}#{number}") in self._meant:
                found.setdefault(id, Named(id))
        return tuple(
            Named(id, named.url) for named in found.values() for id in self._meant.get(named.id, (named.id,))
        )


class Evidence:
    """For each ordinary commit the features that it names, by itself or by the pull request that merged it."""

    def __init__(self, history: History, reading: Reading, naming: Naming) -> None:
        self.names: dict[int, tuple[str, ...]] = {}
        self.urls: dict[str, str] = {}
        self.subjects: dict[str, list[str]] = defaultdict(list)
        self._history, self._reading = history, reading
        for at, text in enumerate(reading.texts):
            if at in reading.reverts:
                continue
            pulls = reading.pulls[at]
            if at not in reading.merges:
                self._add(at, naming.of(history.service, text, pulls), reading.subjects[at])
            elif pulls and (named := naming.of(history.service, text, pulls)):
                self._merged(at, named, _title_of(text) or reading.subjects[at])

    def is_evidence(self, at: int) -> bool:
        return self._reading.is_ordinary(at) and touches(self._history.commits[at], self._history.paths)

    def _merged(self, merge: int, named: tuple[Named, ...], title: str) -> None:
        """Give a pull request's names to what it merged, and not to what its branch had taken from the main line."""
        graph = self._reading.graph
        parents = graph.parents[merge]
        if len(parents) < 2:
            return
        for at in graph.between(graph.reach(parents[0]), graph.reach(merge)):
            if self.is_evidence(at) and not graph.is_on_main_line(at):
                self._add(at, named, title)

    def _add(self, at: int, named: tuple[Named, ...], subject: str) -> None:
        if not named or not self.is_evidence(at):
            return
        self.names[at] = tuple(dict.fromkeys((*self.names.get(at, ()), *(one.id for one in named))))
        for one in named:
            self.subjects[one.id].append(subject)
            if one.url:
                self.urls.setdefault(one.id, one.url)


def _title_of(merge_message: str) -> str:
    """Return the pull request's title, which is the first line of the merge's body."""
    lines = [line.strip() for line in merge_message.split("\n")[1:] if line.strip()]
    return next((line for line in lines if not line.startswith("See merge request")), "")
