"""Holds and locks as decisions: when a hold ends, whether it holds, and which lock may be broken."""

from datetime import UTC, datetime, timedelta

import pytest

from reversion.errors import InvalidInput, Refused
from reversion.history import Moment
from reversion.holds import Hold, Reason, ending, lasts_beyond, local
from reversion.locks import Lock, Occupant, has_passed_on, lock_of, require_breakable, sentence

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TONIGHT = NOON + timedelta(hours=8)


def a_hold(kind: str = "SCHEDULED", name: str = "On hold", message: str = "", until: datetime = TONIGHT) -> Hold:
    state = Moment(at=NOON + timedelta(hours=1), kind=kind, name=name, message=message)
    return Hold(id="h1", environment="staging", by="Ana", reason="OPS-77", since=NOON, until=until, state=state)


def a_run(kind: str = "RUNNING", run: str = "1208499b") -> Occupant:
    return Occupant(run=run, name="revert staging", state=Moment(at=NOON, kind=kind, name=kind.capitalize()))


@pytest.mark.parametrize(
    ("given", "end"),
    [
        pytest.param({"until": "2026-11-27T08:00+01:00"}, datetime(2026, 11, 27, 7, tzinfo=UTC), id="with an offset"),
        pytest.param(
            {"until": "2026-11-27T08:00"}, datetime(2026, 11, 27, 8).astimezone(UTC), id="by this machine's clock"
        ),
        pytest.param({"lasting": "8h"}, TONIGHT, id="hours"),
        pytest.param({"lasting": "90m"}, NOON + timedelta(minutes=90), id="minutes"),
        pytest.param({"lasting": "1w2d3h4m"}, NOON + timedelta(days=9, hours=3, minutes=4), id="all of them"),
        pytest.param({}, NOON + timedelta(seconds=600), id="what the environment says"),
    ],
)
def test_a_hold_ends_when_it_was_said(given: dict[str, str], end: datetime):
    assert ending(**{"until": "", "lasting": "", **given}, now=NOON, otherwise=600) == end


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"until": "2026-11-23T11:00+00:00"}, "later than now", id="in the past"),
        pytest.param({"until": "2028-11-23"}, "within a year", id="too far away"),
        pytest.param({"until": "tomorrow"}, "'tomorrow' is no time", id="words for a time"),
        pytest.param({"until": "0001-01-01T00:00+23:59"}, "no time|later than now", id="before the first year"),
        pytest.param({"lasting": "8"}, "'8' is no while", id="a number without a unit"),
        pytest.param({"lasting": "0h"}, "later than now", id="no while at all"),
        pytest.param({"lasting": "-8h"}, "is no while", id="a while ago"),
        pytest.param({"lasting": "99999w"}, "within a year|is no while", id="a lifetime"),
        pytest.param({"until": "2026-11-27", "lasting": "8h"}, "one time", id="two ends"),
    ],
)
def test_an_end_that_cannot_be_meant_is_refused(given: dict[str, str], words: str):
    with pytest.raises(InvalidInput, match=words):
        ending(**{"until": "", "lasting": "", **given}, now=NOON, otherwise=600)


@pytest.mark.parametrize(
    ("hold", "is_in_force"),
    [
        pytest.param(a_hold(), True, id="before its end"),
        pytest.param(a_hold(name="Scheduled"), True, id="made in the browser"),
        pytest.param(a_hold(until=NOON), False, id="at its end, where no worker has ended it"),
        pytest.param(a_hold("CANCELLED", "Released"), False, id="released"),
        pytest.param(a_hold("COMPLETED", "Hold expired"), False, id="ended by a worker"),
    ],
)
def test_only_what_is_scheduled_for_later_holds(hold: Hold, is_in_force: bool):
    assert hold.is_in_force(NOON) is is_in_force


@pytest.mark.parametrize(
    ("hold", "now", "word", "told"),
    [
        pytest.param(
            a_hold(), NOON, "On hold", f"Ana holds staging until {local(TONIGHT)}: OPS-77", id="while it holds"
        ),
        pytest.param(
            a_hold("COMPLETED", "Hold expired"),
            NOON,
            "Hold expired",
            f"Ana held staging until {local(TONIGHT)}: OPS-77",
            id="ended by a worker",
        ),
        pytest.param(
            a_hold(),
            TONIGHT,
            "Hold expired",
            f"Ana held staging until {local(TONIGHT)}: OPS-77",
            id="ended with no worker",
        ),
        pytest.param(
            a_hold("CANCELLED", "Released", "Bo released it: done"),
            NOON,
            "Released",
            f"Ana held staging: OPS-77. Bo released it: done ({local(NOON + timedelta(hours=1))})",
            id="released",
        ),
        pytest.param(
            a_hold("CANCELLED", "Cancelled"),
            NOON,
            "Cancelled",
            f"Ana held staging: OPS-77. It was cancelled without a reason ({local(NOON + timedelta(hours=1))})",
            id="cancelled in the browser",
        ),
    ],
)
def test_a_hold_is_told_as_a_sentence(hold: Hold, now: datetime, word: str, told: str):
    assert (hold.word(now), hold.told(now)) == (word, told)


def test_a_hold_that_lasts_longer_stays_alone():
    assert lasts_beyond((a_hold(until=NOON), a_hold()), TONIGHT)
    assert not lasts_beyond((a_hold(until=NOON),), TONIGHT)
    assert not lasts_beyond((), TONIGHT)


@pytest.mark.parametrize(
    ("by", "reason", "words"),
    [("", "OPS-77", "--as NAME"), ("A", "OPS-77", "--as NAME"), ("Ana", " \n", "--reason")],
    ids=["no name", "a letter for a name", "an empty reason"],
)
def test_who_and_why_are_needed(by: str, reason: str, words: str):
    with pytest.raises(InvalidInput, match=words):
        Reason.given(by, reason)


def test_what_is_typed_stays_one_plain_line():
    assert Reason.given("Ana\x1b[2J", "a\nb\u202e") == Reason(by="Ana", reason="a b")


@pytest.mark.parametrize(
    ("slots", "holder", "under_way", "lock"),
    [
        pytest.param(0, None, (), ("free", None), id="nobody"),
        pytest.param(1, a_run(), (a_run(run="other"),), ("held", "1208499b"), id="who said that it took it"),
        pytest.param(1, None, (a_run(),), ("held", "1208499b"), id="who is at work, where none said so"),
        pytest.param(1, None, (), ("held", None), id="nobody knows who"),
        pytest.param(0, None, (a_run("PAUSED", "w"), a_run()), ("at work", "1208499b"), id="a run that plans"),
        pytest.param(0, None, (a_run("PAUSED"),), ("waits for approval", "1208499b"), id="a run that waits"),
        pytest.param(None, None, (), ("missing", None), id="an environment that was never deployed"),
    ],
)
def test_a_lock_is_folded_from_what_the_server_knows(
    slots: int | None, holder: Occupant | None, under_way: tuple[Occupant, ...], lock: tuple[str, str | None]
):
    found = lock_of("staging", slots, holder, under_way)

    assert (found.word, found.occupant.run if found.occupant else None) == lock


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        pytest.param(
            Lock(environment="uat", word="held", occupant=a_run()),
            "Run 1208499b (revert staging, 'Running') has uat to itself.",
            id="a run that has the lock",
        ),
        pytest.param(
            Lock(environment="uat", word="held"),
            "A run that left no word has uat to itself.",
            id="nobody knows which",
        ),
        pytest.param(
            Lock(environment="uat", word="at work", occupant=a_run().model_copy(update={"by": "Ana"})),
            "Run 1208499b (revert staging, 'Running') has uat to itself.",
            id="a run that was just approved",
        ),
        pytest.param(Lock(environment="uat", word="at work", occupant=a_run()), "", id="a run that plans"),
        pytest.param(
            Lock(environment="uat", word="waits for approval", occupant=a_run("PAUSED")), "", id="a run that waits"
        ),
        pytest.param(Lock(environment="uat", word="free"), "", id="nobody"),
        pytest.param(Lock(environment="uat", word="missing"), "", id="never deployed"),
    ],
)
def test_nothing_is_deployed_beside_a_run_that_has_the_environment(lock: Lock, told: str):
    assert lock.keeps_off == told


@pytest.mark.parametrize(
    ("lock", "force", "words"),
    [
        pytest.param(Lock(environment="uat", word="free"), True, "is not locked", id="a free one"),
        pytest.param(
            Lock(environment="uat", word="waits for approval", occupant=a_run("PAUSED")),
            True,
            "reversion reject 1208499b",
            id="one that waits for an answer",
        ),
        pytest.param(Lock(environment="uat", word="held", occupant=a_run()), False, "--force", id="one at work"),
        pytest.param(
            Lock(environment="uat", word="held", occupant=a_run("CANCELLING")), False, "--force", id="one that ends"
        ),
    ],
)
def test_a_lock_that_must_not_be_broken_is_left(lock: Lock, force: bool, words: str):
    with pytest.raises(Refused, match=words):
        require_breakable(lock, force)


@pytest.mark.parametrize(
    ("lock", "force"),
    [
        pytest.param(Lock(environment="uat", word="held", occupant=a_run("CRASHED")), False, id="its run crashed"),
        pytest.param(Lock(environment="uat", word="held"), False, id="nobody knows its run"),
        pytest.param(Lock(environment="uat", word="held", occupant=a_run()), True, id="somebody insists"),
        pytest.param(Lock(environment="uat", word="missing"), False, id="there is none"),
    ],
)
def test_a_lock_is_broken_where_nothing_lives_or_somebody_insists(lock: Lock, force: bool):
    require_breakable(lock, force)


@pytest.mark.parametrize(
    ("now", "has_passed"),
    [
        pytest.param(Lock(environment="uat", word="held", occupant=a_run()), False, id="the same run has it"),
        pytest.param(Lock(environment="uat", word="free"), False, id="it was given back"),
        pytest.param(Lock(environment="uat", word="held"), False, id="nobody knows who has it"),
        pytest.param(
            Lock(environment="uat", word="held", occupant=a_run(run="other")), True, id="another run has it"
        ),
    ],
)
def test_a_lock_that_another_run_took_meanwhile_is_left_to_it(now: Lock, has_passed: bool):
    assert has_passed_on(Lock(environment="uat", word="held", occupant=a_run()), now) is has_passed


def test_a_broken_lock_is_told_as_a_sentence():
    lock = Lock(environment="uat", word="held", occupant=a_run("CRASHED"))

    assert sentence(lock, "Bo", "OPS-78", "") == (
        "Bo broke the lock of uat, which run 1208499b (revert staging, 'Crashed') had: OPS-78."
    )
