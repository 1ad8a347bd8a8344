"""Features listed for people: those that were asked for, and features against environments. Pure."""

from collections.abc import Mapping

from reversion.features.describing import in_order
from reversion.features.values import Feature, State
from reversion.text import Value


class Wanted(Value):
    """Which features are asked for; what is empty asks for nothing in particular.

    `text` is looked for in id, title and owner, whatever the case of its letters.
    """

    kinds: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    text: str = ""

    def fits(self, feature: Feature) -> bool:
        """Tell whether the feature, as it stands in its environment, is asked for."""
        return self.describes(feature) and (not self.states or feature.state in self.states)

    def describes(self, feature: Feature) -> bool:
        """Tell the same, whatever its state."""
        owner = feature.owner.casefold()
        return (
            (not self.kinds or feature.kind in self.kinds)
            and (not self.owners or owner in [each.casefold() for each in self.owners])
            and (not self.services or any(part.service in self.services for part in feature.parts))
            and self.text.casefold() in f"{feature.id}\n{feature.title}\n{owner}".casefold()
        )


class Row(Value):
    """One feature against environments, in their order; `cells` has None where an environment was never judged.

    `feature` says what it is, the same for all environments; its state is that of none in particular.
    """

    feature: Feature
    cells: tuple[Feature | None, ...]

    @property
    def is_differing(self) -> bool:
        """Tell whether the feature stands otherwise in some environment than in another."""
        return len({(cell.state, _there(cell)) for cell in self.cells if cell}) > 1


def board(judged: Mapping[str, tuple[Feature, ...] | None], newest: str = "") -> tuple[Row, ...]:
    """Put every feature of any environment into one row, security fixes first.

    An environment that knows nothing of a feature does not have it. Where environments were judged at different
    times, title, kind, owner and link are those of the one judged `newest`.
    """
    by_environment = {name: {f.id: f for f in found} for name, found in judged.items() if found is not None}
    described: dict[str, Feature] = {}
    for name in sorted(by_environment, key=lambda name: name == newest):
        described |= by_environment[name]
    rows = (
        Row(
            feature=feature,
            cells=tuple(
                _cell(feature, by_environment[name].get(id)) if name in by_environment else None for name in judged
            ),
        )
        for id, feature in described.items()
    )
    return tuple(sorted(rows, key=lambda row: in_order(row.feature.kind, row.feature.id)))


def chosen(rows: tuple[Row, ...], wanted: Wanted, *, differing: bool = False) -> tuple[Row, ...]:
    """Return the rows asked for: in any environment one of the states; with `differing`, not the same everywhere."""
    return tuple(
        row
        for row in rows
        if any(wanted.fits(cell) for cell in row.cells if cell) and (row.is_differing or not differing)
    )


def _cell(described: Feature, found: Feature | None) -> Feature:
    if found is None:
        return described.model_copy(update={"state": State.ABSENT, "parts": (), "ambiguous": False, "check": False})
    same = ("title", "kind", "url", "owner", "status", "needs")
    return found.model_copy(update={name: getattr(described, name) for name in same})


def _there(feature: Feature) -> tuple[tuple[str, int], ...]:
    return tuple((part.service, part.have) for part in feature.parts if part.have)
