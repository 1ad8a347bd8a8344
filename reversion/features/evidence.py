"""Which commits are evidence of which name, by themselves or by the pull request that merged them. Pure."""

from collections import defaultdict
from typing import NamedTuple

from reversion.features.conventions import Named
from reversion.features.reading import Reading
from reversion.features.subjects import typed


class Said(NamedTuple):
    """The subject to tell a commit under that a name stands for, and the commit that says so."""

    subject: str
    by: int


class Evidence:
    """Names of features as commits give them, before the catalogue: a pull request's is its number, as `#12`.

    `commits` are those that each name stands for. Most say so themselves and are told under their own subjects; of
    the others, `otherwise` has who says so.
    """

    def __init__(self, reading: Reading, *, with_pulls: bool) -> None:
        """With `with_pulls`, each pull request is a name, whether or not a convention makes it one."""
        self.names: dict[int, tuple[str, ...]] = {}
        self.commits: dict[str, list[int]] = defaultdict(list)
        self.otherwise: dict[str, dict[int, list[Said]]] = defaultdict(dict)
        self.urls: dict[str, str] = {}
        self._ids: dict[tuple[Named, ...], tuple[str, ...]] = {}
        self._reading = reading
        records, merges, reverts = reading.records, reading.merges, reading.reverts
        speaking = records.names
        if with_pulls:
            pulling = {at: _and_pulls(records.names.get(at, ()), pulls) for at, pulls in records.pulls.items()}
            speaking = dict(sorted((records.names | pulling).items()))
        for at, named in speaking.items():
            if at in merges:
                self._merged(at, named)
            elif at not in reverts and at not in records.aside:
                self._add(at, named, records.subjects[at], at)

    def _merged(self, merge: int, named: tuple[Named, ...]) -> None:
        """Give a merge's names to what it brought in, and not to what its branch had taken from the main line."""
        reading, graph, records = self._reading, self._reading.graph, self._reading.records
        first = graph.parents[merge][0]
        for at in graph.between(graph.reach(first), graph.reach(merge)):
            if reading.is_ordinary(at) and not graph.is_on_main_line(at) and at not in records.aside:
                self._add(at, named, records.titles.get(merge) or records.subjects[at], merge)

    def _add(self, at: int, named: tuple[Named, ...], subject: str, by: int) -> None:
        ids = self._ids.get(named) or self._ids.setdefault(named, tuple([one.id for one in named]))
        known = self.names.get(at, ())
        self.names[at] = tuple(dict.fromkeys(known + ids)) if known else ids
        for id, url, kind in named:
            if url:
                self.urls.setdefault(id, url)
            if id not in known:
                self.commits[id].append(at)
                if kind or by != at:
                    self.otherwise[id][at] = [Said(_with_type(subject, kind) if kind else subject, by)]
            elif at in self.otherwise[id]:
                self.otherwise[id][at].append(Said(_with_type(subject, kind) if kind else subject, by))


def _with_type(subject: str, kind: str) -> str:
    """Say a fragment's kind as a Conventional Commit would, where the subject says none."""
    return subject if typed(subject) else f"{'feat' if kind == 'feature' else kind}: {subject}"


def _and_pulls(named: tuple[Named, ...], pulls: tuple[str, ...]) -> tuple[Named, ...]:
    known = {one.id for one in named}
    return (*named, *(Named(f"#{number}") for number in pulls if f"#{number}" not in known))
