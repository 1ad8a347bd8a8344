"""Histories that Git makes at random, judged by what is in the trees.

Each item adds one file, so the truth is whether the file is there. Branches, picks, reverts, reverts of reverts,
merges and reverts of merges are all made by Git; the seeds are fixed.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from reversion.feature_settings import FeatureSettings, Key
from reversion.features.resolver import Resolver
from reversion.features.values import State
from reversion.product import Service
from tests.gitbuilder import ConflictError, GitBuilder
from tests.ledgers import read_ledger

HISTORIES, OPERATIONS = 40, 40
SETTINGS = FeatureSettings(conventions=(Key(kind="key", projects=("SHOP",)),))
CART = Service(name="cart", repository="cart", hosts="cart")


@dataclass(frozen=True)
class Case:
    """One item at one branch's head."""

    told: bool
    true: bool
    ambiguous: bool
    place: str


class Play:
    """Random steps on one repository; a step that Git refuses is left out."""

    def __init__(self, path: Path, seed: int) -> None:
        self.git = GitBuilder(path)
        self.random = random.Random(seed)
        self.items = 0
        self.branches = ["main"]
        self.here = "main"
        self.log: dict[str, list[tuple[str, str]]] = {"main": []}
        self.git.commit("begin", {"README": "begin"})

    def step(self) -> None:
        kinds = ("add", "branch", "pick", "revert", "revert again", "merge")
        kind = self.random.choices(kinds, weights=(34, 8, 16, 16, 8, 18))[0]
        branch = self.random.choice(self.branches)
        if branch != self.here:
            self.git.checkout(branch)
            self.here = branch
        try:
            getattr(self, f"_{kind.replace(' ', '_')}")(branch)
        except ConflictError:
            return

    def _add(self, branch: str) -> None:
        self.items += 1
        made = self.git.commit(f"feat: SHOP-{self.items} thing {self.items}", {f"SHOP-{self.items}": "1"})
        self.log[branch].append(("item", made))

    def _branch(self, branch: str) -> None:
        if len(self.branches) < 5:
            name = f"branch-{len(self.branches)}"
            self.git.branch(name)
            self.here = name
            self.branches.append(name)
            self.log[name] = list(self.log[branch])

    def _pick(self, branch: str) -> None:
        if found := self._choose(self.random.choice(self.branches), ("item", "revert")):
            self.log[branch].append((found[0], self.git.pick(found[1])))

    def _revert(self, branch: str) -> None:
        if found := self._choose(branch, ("item", "item", "merge")):
            mainline = 1 if found[0] == "merge" else None
            self.log[branch].append(("revert", self.git.revert(found[1], mainline)))

    def _revert_again(self, branch: str) -> None:
        if found := self._choose(branch, ("revert",)):
            self.log[branch].append(("revert", self.git.revert(found[1])))

    def _merge(self, branch: str) -> None:
        other = self.random.choice(self.branches)
        before = self.git.head()
        merged = self.git.merge(other)
        if merged != before:
            self.log[branch] += [*self.log[other], ("merge", merged)]

    def _choose(self, branch: str, kinds: tuple[str, ...]) -> tuple[str, str] | None:
        kind = self.random.choice(kinds)
        found = [entry for entry in self.log[branch] if entry[0] == kind]
        return self.random.choice(found) if found else None


def play(path: Path, seed: int) -> list[Case]:
    made = Play(path, seed)
    for _ in range(OPERATIONS):
        made.step()
    heads = {branch: made.git.head(branch) for branch in made.branches}
    resolver = Resolver((read_ledger(path, CART, SETTINGS, *heads.values()),), SETTINGS)
    return [
        Case(
            told=feature.state in (State.COMPLETE, State.PARTIAL),
            true=feature.id in files,
            ambiguous=feature.ambiguous,
            place=f"seed {seed}, {branch}, {feature.id}",
        )
        for branch, head in heads.items()
        for files in [made.git.files(head)]
        for feature in resolver.features({"cart": head})
    ]


def test_the_resolver_tells_what_is_in_the_trees(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        played = pool.map(lambda seed: play(tmp_path / str(seed), seed), range(HISTORIES))
    cases = [case for part in played for case in part]

    wrong = [case for case in cases if case.told != case.true]

    assert len(cases) > 50 * HISTORIES // 2
    assert sum(case.true for case in cases) > len(cases) / 4
    assert len(wrong) <= len(cases) * 0.005, [case.place for case in wrong]
    assert not [case.place for case in wrong if not case.ambiguous]
