"""Why a feature is told to be in a state: for each service the commits and reverts that decide it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from reversion.features.graph import Reach
from reversion.features.ledger import Ledger, Standing
from reversion.features.patches import Undone, undone_by
from reversion.features.releases import Release
from reversion.features.resolver import Vector
from reversion.features.reverts import Toggles
from reversion.features.values import Feature, Part
from reversion.text import Value, plain

Role = Literal["change", "pick", "same change", "revert", "restore"]

_SHORT = 10
_TOGGLES = ("revert", "restore")
_NOTHING = Standing(frozenset(), frozenset(), frozenset(), Reach(-1, frozenset()))


class Witness(Value):
    """One commit that speaks for or against an item: what it says, whether it is there, and where it came first."""

    commit: str
    subject: str = ""
    role: Role
    is_there: bool
    counts: bool
    is_whole: bool | None = None
    first: str = ""


class Item(Value):
    """One change, told by all of its commits; `is_needed` where the feature is not whole without it."""

    in_effect: bool | None
    is_needed: bool
    why: str
    first: str = ""
    witnesses: tuple[Witness, ...]


class Share(Value):
    """What one service has of a feature, and why; the problem says what keeps it from being known or whole."""

    service: str
    version: str | None = None
    commit: str | None = None
    have: int
    need: int
    unknown: bool = False
    problem: str = ""
    items: tuple[Item, ...] = ()


class Explanation(Value):
    """One feature in one place, with what decides its state."""

    feature: Feature
    place: str
    shares: tuple[Share, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lore:
    """What is known besides the ledgers.

    `releases` are the first versions by service and commit, `whole` says of reverts whether they take back all,
    `elsewhere` has by service and commit the picks of it that only other versions hold, with their subjects.
    `versions` are what runs, `problems` say by service why that is not known.
    """

    releases: Mapping[tuple[str, str], Release] = field(default_factory=dict)
    whole: Mapping[Undone, bool | None] = field(default_factory=dict)
    elsewhere: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    versions: Mapping[str, str | None] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What a feature's explanation names in one service: commits by id, and the reverts among them."""

    commits: tuple[str, ...]
    undone: tuple[Undone, ...]


def evidence(ledger: Ledger, id: str) -> Evidence:
    """Return what has to be looked up in a service to explain a feature."""
    source, items = ledger.source, ledger.features.get(id, ())
    removals = [(at, item) for item in items for at in ledger.reverts.all_toggles(item).removals]
    ids = source.reading.records.ids
    return Evidence(
        tuple(dict.fromkeys(ids[at] for item in items for at, _ in _all(ledger, item))),
        tuple(dict.fromkeys(undone_by(source.reading, source.items, at, item) for at, item in removals)),
    )


def explain(
    ledgers: Mapping[str, Ledger], feature: Feature, vector: Vector, lore: Lore, place: str = ""
) -> Explanation:
    """Explain a feature as it was judged at a vector; of a service without a ledger only the part is told."""
    explainer = _Explainer(ledgers, feature.id, vector, lore)
    parts = {part.service: part for part in feature.parts}
    services = sorted({*parts, *(name for name, ledger in ledgers.items() if feature.id in ledger.features)})
    shares = (explainer.share(parts.get(name, Part(service=name, have=0, need=0))) for name in services)
    return Explanation(feature=feature, place=place, shares=tuple(shares), notes=tuple(explainer.notes(feature)))


class _Explainer:
    """Explains what the services have of one feature at a vector."""

    def __init__(self, ledgers: Mapping[str, Ledger], id: str, vector: Vector, lore: Lore) -> None:
        self._ledgers, self._id, self._vector, self._lore = ledgers, id, vector, lore
        mine = tuple(ledger for ledger in ledgers.values() if id in ledger.features)
        self._is_known = bool(mine)
        self._is_in_use = any(not ledger.universe.isdisjoint(ledger.features[id]) for ledger in mine)
        self._is_merged = any(not ledger.merged.isdisjoint(ledger.features[id]) for ledger in mine)

    def notes(self, feature: Feature) -> Iterator[str]:
        if not self._is_known and not feature.parts:
            yield "No commit names it now."
        elif self._is_known and not self._is_merged:
            yield "It is on no tracked branch, so it is measured against all that is known of it."
        elif self._is_known and not self._is_in_use:
            yield "The tracked branches have reverted all of it, so it is measured against all that they ever had."
        if feature.ambiguous:
            yield "Ambiguous: it was reverted on lines that met, or runs from an unmerged branch: see the code."
        if feature.check:
            yield "Check: a revert of it is not the exact reverse of what it takes back; a part may be left."

    def share(self, part: Part) -> Share:
        name, ledger = part.service, self._ledgers.get(part.service)
        commit, standing = self._vector.get(name), self._standing(name)
        items = ledger.features.get(self._id, ()) if ledger else ()
        return Share(
            service=name,
            version=self._lore.versions.get(name) or commit,
            commit=commit,
            have=part.have,
            need=part.need,
            unknown=part.unknown,
            problem=self._problem(part, standing, items),
            items=tuple(self._item(ledger, item, standing) for item in items) if ledger else (),
        )

    def _standing(self, service: str) -> Standing | None:
        if service not in self._vector:
            return _NOTHING
        ledger, commit = self._ledgers.get(service), self._vector[service]
        return ledger.at(commit) if ledger and commit else None

    def _problem(self, part: Part, standing: Standing | None, items: tuple[int, ...]) -> str:
        if standing is None:
            problem = self._lore.problems.get(part.service, "")
            if problem or part.unknown or part.service in self._ledgers:
                return problem or "its version is not known"
        if part.service not in self._vector:
            return "it does not run there"
        return "" if items or not part.need else "the catalogue requires it, and no commit here names the feature yet"

    def _is_needed(self, ledger: Ledger, item: int) -> bool:
        measure = ledger.universe if self._is_in_use else ledger.merged
        return item in measure or not self._is_merged

    def _item(self, ledger: Ledger, item: int, standing: Standing | None) -> Item:
        known = [self._witness(ledger, at, role, item, standing) for at, role in _all(ledger, item)]
        witnesses = (*known, *self._elsewhere(ledger.service, known))
        firsts = [
            release
            for one in witnesses
            if one.role not in _TOGGLES and (release := self._lore.releases.get((ledger.service, one.commit)))
        ]
        is_needed = self._is_needed(ledger, item)
        return Item(
            in_effect=None if standing is None else item in standing.effective,
            is_needed=is_needed,
            why=_why(item, standing, known) + ("" if is_needed else _not_needed(ledger, item)),
            first=min(firsts).tag if firsts else "",
            witnesses=witnesses,
        )

    def _witness(self, ledger: Ledger, at: int, role: Role, item: int, standing: Standing | None) -> Witness:
        source, reach = ledger.source, (standing or _NOTHING).reach
        records = source.reading.records
        there = source.reading.graph.holds(reach, at)
        counting = ledger.reverts.counting(reach, item) if role in _TOGGLES else Toggles()
        is_whole = None
        if role == "revert":
            is_whole = self._lore.whole.get(undone_by(source.reading, source.items, at, item))
        return Witness(
            commit=records.ids[at],
            subject=plain(records.subjects[at]),
            role=role,
            is_there=there,
            counts=there and (role not in _TOGGLES or at in (*counting.removals, *counting.restores)),
            is_whole=is_whole,
            first=self._first(ledger.service, records.ids[at]),
        )

    def _elsewhere(self, service: str, known: list[Witness]) -> Iterator[Witness]:
        """Yield the picks that only versions hold which were not judged."""
        picks = {
            id: said for one in known for id, said in self._lore.elsewhere.get((service, one.commit), {}).items()
        }
        for id, said in picks.items():
            first = self._first(service, id)
            yield Witness(commit=id, subject=plain(said), role="pick", is_there=False, counts=False, first=first)

    def _first(self, service: str, commit: str) -> str:
        release = self._lore.releases.get((service, commit))
        return release.tag if release else ""


def _why(item: int, standing: Standing | None, witnesses: list[Witness]) -> str:
    if standing is None:
        return "unknown"
    if item in standing.withdrawn:
        return f"reverted by {_named(one for one in witnesses if one.role == 'revert' and one.counts)}"
    if item not in standing.effective:
        return "not in this version"
    doubt = ", but toggled on lines that met" if item in standing.doubtful else ""
    if restored := _named(one for one in witnesses if one.role == "restore" and one.counts):
        return f"in effect: brought back by {restored}{doubt}"
    if reverted := _named(one for one in witnesses if one.role == "revert" and one.is_there):
        return f"in effect: came again, or on another line, after {reverted} reverted it{doubt}"
    return f"in effect{doubt}"


def _named(witnesses: Iterable[Witness]) -> str:
    return ", ".join(one.commit[:_SHORT] for one in witnesses)


def _not_needed(ledger: Ledger, item: int) -> str:
    if item in ledger.merged:
        return "; not needed, since the tracked branches have reverted it"
    return "; not needed, since it is on no tracked branch"


def _all(ledger: Ledger, item: int) -> list[tuple[int, Role]]:
    """Return the item's commits, then the reverts that remove or restore it, each with its role."""
    source = ledger.source
    first, *others = source.items.members(item)
    toggles = ledger.reverts.all_toggles(item)
    picks = source.reading.records.picks
    found: list[tuple[int, Role]] = [(first, "change")]
    found += [(at, "pick" if at in picks else "same change") for at in others]
    reverts: list[tuple[int, Role]] = [(at, "revert") for at in toggles.removals]
    return found + sorted(reverts + [(at, "restore") for at in toggles.restores])
