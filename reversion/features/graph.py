"""One service's commit graph, made so that "does this version contain that commit" is one comparison. Pure.

The main line is the first tracked branch along first parents. A commit *lands* at the position of the first commit of
the main line that contains it. What any commit reaches is then a *horizon* (all that landed up to there) and a few
commits besides.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from reversion.features.values import Commit


class Reach(NamedTuple):
    """Everything that a commit contains: what landed up to the horizon, and the commits besides."""

    horizon: int
    besides: frozenset[int]


class Graph:
    """Commits as numbers, parents before children. Parents that were not read are left out."""

    def __init__(self, commits: tuple[Commit, ...], tracked: tuple[str, ...]) -> None:
        self.number: dict[str, int] = {}
        self.parents: list[tuple[int, ...]] = []
        for at, commit in enumerate(commits):
            self.parents.append(tuple(self.number[parent] for parent in commit.parents if parent in self.number))
            self.number[commit.id] = at
        self._heads = tuple(self.number[head] for head in tracked if head in self.number)
        self._never = len(commits)
        self._landing = [self._never] * len(commits)
        self._landed: list[list[int]] = []
        self._main: set[int] = set()
        self._reaches: dict[int, Reach] = {}
        self._land()

    def reach(self, commit: int) -> Reach:
        """Return everything that the commit contains, itself included."""
        if commit in self._main:
            return Reach(self._landing[commit], frozenset())
        if commit not in self._reaches:
            self._reaches[commit] = self._walk(commit)
        return self._reaches[commit]

    def holds(self, reach: Reach, commit: int) -> bool:
        return self._landing[commit] <= reach.horizon or commit in reach.besides

    def is_below(self, ancestor: int, commit: int) -> bool:
        """Tell whether `ancestor` is contained in `commit`; a commit contains itself."""
        return ancestor == commit or (ancestor < commit and self.holds(self.reach(commit), ancestor))

    def between(self, base: Reach, tip: Reach) -> list[int]:
        """Return the commits of the tip that the base does not contain, in order."""
        landed = (
            commit
            for position in range(base.horizon + 1, tip.horizon + 1)
            for commit in self._landed[position]
            if commit not in base.besides
        )
        besides = (commit for commit in tip.besides if not self.holds(base, commit))
        return sorted({*landed, *besides})

    def is_on_main_line(self, commit: int) -> bool:
        return commit in self._main

    def _land(self) -> None:
        line: list[int] = []
        at = self._heads[0] if self._heads else None
        while at is not None:
            line.append(at)
            at = self.parents[at][0] if self.parents[at] else None
        self._main = set(line)
        for position, tip in enumerate(reversed(line)):
            landed: list[int] = []
            waiting = [tip]
            while waiting:
                commit = waiting.pop()
                if self._landing[commit] == self._never:
                    self._landing[commit] = position
                    landed.append(commit)
                    waiting.extend(self.parents[commit])
            self._landed.append(landed)

    def _walk(self, start: int) -> Reach:
        """Go down from the newest; below a commit of the main line everything has landed."""
        horizon, besides = -1, []
        waiting, met = [-start], {start}
        while waiting:
            commit = -heappop(waiting)
            if commit in self._main:
                horizon = max(horizon, self._landing[commit])
            if self._landing[commit] <= horizon:
                continue
            besides.append(commit)
            for parent in self.parents[commit]:
                if parent not in met:
                    met.add(parent)
                    heappush(waiting, -parent)
        return Reach(horizon, frozenset(c for c in besides if self._landing[c] > horizon))
