"""Which services of a plan can be restored now, as others are done. Pure."""

from collections.abc import Mapping


class Board:
    """What has become of each service: `after` names, by service, those that must be proven before it.

    Those `there` need no restore and count as proven.
    """

    def __init__(self, after: Mapping[str, tuple[str, ...]], there: frozenset[str] = frozenset()) -> None:
        self._after = after
        self._proven = set(there)
        self._came: set[str] = set()

    def came(self, service: str) -> None:
        """Note that a service has been asked for. Should it fail, nobody waits for it to come again."""
        self._came.add(service)

    def is_proven(self, service: str) -> None:
        """Note that a service is at its wanted version, so that what waits for it is ready."""
        self._proven.add(service)

    def is_expecting(self) -> bool:
        """Tell whether a service is ready and has not been asked for yet."""
        return any(
            service not in self._came and service not in self._proven and self._proven.issuperset(after)
            for service, after in self._after.items()
        )
