"""Ask several trackers side by side, and be done when the time is over, whatever they do."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from reversion.adapters.trackers import github, gitlab, jira, trello
from reversion.adapters.trackers.batches import Answers
from reversion.adapters.trackers.site import Site, TooSlow
from reversion.adapters.trackers.tokens import place_of, read_token
from reversion.errors import ReversionError, TrackerFailed
from reversion.features.titles import Reference, Title
from reversion.tracker_settings import GitHub, GitLab, Jira, Tracker, Trello


@dataclass
class Fetched:
    """What one tracker said within the time, and what went wrong with it, if anything."""

    titles: dict[str, Title | None] = field(default_factory=dict)
    problem: TrackerFailed | None = None


def fetch(
    asked: tuple[tuple[Tracker, tuple[Reference, ...]], ...], home: Path, seconds: float
) -> tuple[Fetched, ...]:
    """Ask each tracker for its references, first things first; return what was said after so many seconds at most.

    Nothing is raised. A tracker that has not finished is a problem only if it has said nothing at all.
    """
    ends = time.monotonic() + seconds
    heard: SimpleQueue[tuple[int, Answers | TrackerFailed | None]] = SimpleQueue()
    for number, (tracker, references) in enumerate(asked):
        # Looking a name up can't be ended early: a thread that hangs there is left alone, and ends with the process.
        threading.Thread(target=_listen, args=(heard, number, tracker, references, home, ends), daemon=True).start()
    found = tuple(Fetched() for _ in asked)
    busy = set(range(len(asked)))
    while busy and (said := _next(heard, ends)):
        number, answer = said
        if isinstance(answer, TooSlow) and found[number].titles:
            continue
        if isinstance(answer, TrackerFailed):
            found[number].problem = answer
        elif answer is None:
            busy.discard(number)
        else:
            found[number].titles.update(answer)
    for number in busy:
        if not found[number].titles and not found[number].problem:
            url = asked[number][0].url
            found[number].problem = TrackerFailed(f"The tracker at {url} did not answer within {seconds:g} s.")
    return found


def _next(
    heard: "SimpleQueue[tuple[int, Answers | TrackerFailed | None]]", ends: float
) -> tuple[int, Answers | TrackerFailed | None] | None:
    try:
        return heard.get(timeout=max(ends - time.monotonic(), 0))
    except Empty:
        return None


def _listen(
    heard: "SimpleQueue[tuple[int, Answers | TrackerFailed | None]]",
    number: int,
    tracker: Tracker,
    references: tuple[Reference, ...],
    home: Path,
    ends: float,
) -> None:
    """Put each batch of answers into the queue, then a problem if there was one, then None."""
    try:
        for answers in _answers(tracker, references, home, ends):
            heard.put((number, answers))
    except TrackerFailed as error:
        heard.put((number, error))
    except ReversionError as error:
        heard.put((number, TrackerFailed(f"There is no token for {tracker.url}: {error}", pause=0)))
    except Exception as error:
        # Titles are a convenience: not even a mistake of ours here may stop a review.
        heard.put((number, TrackerFailed(f"The tracker at {tracker.url} failed: {type(error).__name__}.")))
    finally:
        heard.put((number, None))


def _answers(tracker: Tracker, references: tuple[Reference, ...], home: Path, ends: float) -> Iterator[Answers]:
    token = read_token(tracker, home)
    site = partial(Site, ends=ends, token_from=place_of(tracker))
    match tracker:
        case Jira():
            with site(tracker.url, jira.headers(tracker, token)) as opened:
                yield from jira.titles(opened, tracker, references)
        case GitHub():
            with site(github.address(tracker), github.headers(tracker, token)) as opened:
                yield from github.titles(opened, tracker, references)
        case GitLab():
            with site(tracker.url, gitlab.headers(tracker, token)) as opened:
                yield from gitlab.titles(opened, tracker, references)
        case Trello():
            with site(tracker.url, trello.headers(tracker, token)) as opened:
                yield from trello.titles(opened, tracker, references)
