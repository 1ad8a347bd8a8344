"""Holds: an environment to which nothing is to be deployed for a while, and how that is told. Pure."""

import re
from datetime import UTC, datetime, timedelta

from reversion.errors import InvalidInput
from reversion.history import Moment
from reversion.text import Value, plain

LONGEST = timedelta(days=366)
RELEASED, EXPIRED = "Released", "Hold expired"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_LASTING = re.compile(r"(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?")


class Reason(Value):
    """Who does something, and why: a claim, as everything that is typed."""

    by: str
    reason: str

    @classmethod
    def given(cls, by: str, reason: str) -> "Reason":
        """Make both fit for people; raise InvalidInput where one of them is missing."""
        found = cls(by=plain(by, 100), reason=plain(reason, 500))
        if len(found.by) < 2:
            raise InvalidInput("A name is needed, of at least two letters.", "Say who does it with --as NAME.")
        if not found.reason:
            raise InvalidInput("A reason is needed, for the history.", "Say why, or name a ticket, with --reason.")
        return found


class Hold(Value):
    """One hold. `until` is when it ends or ended by itself, `state` that of the run that keeps it."""

    id: str
    environment: str
    by: str
    reason: str
    since: datetime
    until: datetime
    state: Moment
    page: str = ""

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it holds. A hold whose time is over does not, also where no worker has ended it yet."""
        return self.state.kind == "SCHEDULED" and now < self.until

    def word(self, now: datetime) -> str:
        """Name how it stands."""
        if self.is_in_force(now):
            return "On hold"
        return self.state.name if self.state.kind == "CANCELLED" else EXPIRED

    def told(self, now: datetime) -> str:
        """Tell it in a sentence."""
        if self.is_in_force(now):
            return f"{self.by} holds {self.environment} until {local(self.until)}: {self.reason}"
        if self.state.kind != "CANCELLED":
            return f"{self.by} held {self.environment} until {local(self.until)}: {self.reason}"
        end = self.state.message if self.state.name == RELEASED else "It was cancelled without a reason"
        return f"{self.by} held {self.environment}: {self.reason}. {end} ({local(self.state.at or self.until)})"


def ending(until: str, lasting: str, now: datetime, otherwise: int) -> datetime:
    """Return when a hold is to end: at a given time, after a given while, or after `otherwise` seconds.

    A time without an offset is this machine's. Raise InvalidInput where it can't be meant.
    """
    if until and lasting:
        raise InvalidInput("A hold ends at one time.", "Give --until or --for, not both.")
    end = _at(until) if until else now + (_while(lasting) if lasting else timedelta(seconds=otherwise))
    if not now < end <= now + LONGEST:
        raise InvalidInput(f"A hold can't end on {local(end)}.", "It must end later than now, within a year.")
    return end.astimezone(UTC).replace(microsecond=0)


def lasts_beyond(holds: tuple[Hold, ...], until: datetime) -> bool:
    """Tell whether one of these holds already ends no earlier."""
    return any(hold.until >= until for hold in holds)


def local(at: datetime) -> str:
    """Write a time as this machine's clock has it, to the minute."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def _at(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"'{plain(text, 60)}' is no time.",
            "Write it as 2026-11-27T08:00, or with an offset: 2026-11-27T08:00+01:00.",
        ) from error


def _while(text: str) -> timedelta:
    found = _LASTING.fullmatch(text)
    if not found or not any(found.groups()):
        raise InvalidInput(f"'{plain(text, 60)}' is no while.", "Write it as 8h, 90m, 2d or 1d12h.")
    return timedelta(**{unit: int(count or 0) for unit, count in zip(_UNITS.values(), found.groups(), strict=True)})
