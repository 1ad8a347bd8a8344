"""One service's commit graph, made so that "does this version contain that commit" is one comparison. Pure.

The main line is the first tracked branch along first parents. A commit *lands* at the position of the first commit of
the main line that contains it. What any commit reaches is then a *horizon* (all that landed up to there) and a few
commits besides.
"""

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple


class Reach(NamedTuple):
    """Everything that a commit contains: what landed up to the horizon, and the commits besides."""

    horizon: int
    besides: frozenset[int]


class Graph:
    """Commits as numbers, parents before children; `heads` are the tracked branches', the main line's first."""

    def __init__(self, parents: Sequence[tuple[int, ...]], heads: tuple[int, ...]) -> None:
        self.parents = parents
        self._never = len(parents)
        self.landing = [self._never] * len(parents)
        self._order: list[int] = []
        self._upto = array("q")
        self._main = bytearray(len(parents))
        self._reaches: dict[int, Reach] = {}
        if heads:
            self._land(heads[0])

    def reach(self, commit: int) -> Reach:
        """Return everything that the commit contains, itself included."""
        if self._main[commit]:
            return Reach(self.landing[commit], frozenset())
        if commit not in self._reaches:
            self._reaches[commit] = self._walk(commit)
        return self._reaches[commit]

    def holds(self, reach: Reach, commit: int) -> bool:
        return self.landing[commit] <= reach.horizon or commit in reach.besides

    def is_below(self, ancestor: int, commit: int) -> bool:
        """Tell whether `ancestor` is contained in `commit`; a commit contains itself."""
        return ancestor == commit or (ancestor < commit and self.holds(self.reach(commit), ancestor))

    def between(self, base: Reach, tip: Reach) -> list[int]:
        """Return the commits of the tip that the base does not contain, in order."""
        landed = self._order[self.landed(base.horizon) : self.landed(tip.horizon)]
        besides = (commit for commit in tip.besides if not self.holds(base, commit))
        return sorted({*landed, *besides} - base.besides)

    def landed(self, horizon: int) -> int:
        """Return how many commits have landed up to there."""
        return self._upto[horizon] if horizon >= 0 else 0

    def is_on_main_line(self, commit: int) -> bool:
        return bool(self._main[commit])

    def _land(self, head: int) -> None:
        parents, landing, order = self.parents, self.landing, self._order
        line = [head]
        while above := parents[line[-1]]:
            line.append(above[0])
        line.reverse()
        for position, tip in enumerate(line):
            landing[tip] = position
            self._main[tip] = 1
        done = 0
        for merged in [position for position, tip in enumerate(line, 1) if len(parents[tip]) > 1]:
            self._line_up(line[done:merged])
            done = merged
            waiting = list(parents[line[done - 1]][1:])
            while waiting:
                commit = waiting.pop()
                if landing[commit] == self._never:
                    landing[commit] = done - 1
                    order.append(commit)
                    waiting.extend(parents[commit])
            self._upto[-1] = len(order)
        self._line_up(line[done:])

    def _line_up(self, commits: list[int]) -> None:
        """Let commits of the main line land one after the other."""
        landed = len(self._order)
        self._order += commits
        self._upto.extend(range(landed + 1, landed + len(commits) + 1))

    def _walk(self, start: int) -> Reach:
        """Go down from the newest; below a commit of the main line everything has landed."""
        horizon, besides = -1, []
        waiting, met = [-start], {start}
        while waiting:
            commit = -heappop(waiting)
            if self._main[commit]:
                horizon = max(horizon, self.landing[commit])
            if self.landing[commit] <= horizon:
                continue
            besides.append(commit)
            for parent in self.parents[commit]:
                if parent not in met:
                    met.add(parent)
                    heappush(waiting, -parent)
        return Reach(horizon, frozenset(c for c in besides if self.landing[c] > horizon))
