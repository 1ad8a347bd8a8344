"""Trello's cards, ten in one question."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field, RootModel, ValidationError

from reversion.adapters.trackers.batches import Answers, batched
from reversion.adapters.trackers.site import Lenient, Site
from reversion.features.titles import Reference, Title, titled
from reversion.tracker_settings import Trello

AT_ONCE = 10
_BUSY = 429
_UNKNOWN = (400, 401, 403, 404)
"""What is said of one card among others: no id of a card, one that the token may not see, or none such."""


class _Label(Lenient):
    name: str = ""


class _Card(Lenient):
    name: str
    closed: bool = False
    labels: list[_Label] = []


class _Parts(RootModel[list[dict[str, Any]]]):
    """One part for each card, `{"200": card}`, or `{"statusCode": 404, ...}` where there is none."""

    root: list[dict[str, Any]] = Field(max_length=AT_ONCE)


def headers(tracker: Trello, token: str) -> dict[str, str]:
    """Give key and token in a header: in the address, where they may be too, logs would show them."""
    return {"Authorization": f'OAuth oauth_consumer_key="{tracker.key}", oauth_token="{token}"'}


def titles(site: Site, _: Trello, references: tuple[Reference, ...]) -> Iterator[Answers]:
    """Yield what Trello knows, batch by batch."""
    for batch in batched(references, AT_ONCE):
        answer = site.get("/1/batch", _Parts, urls=",".join(f"/cards/{reference.key}" for reference in batch))
        if answer is None or len(answer.root) != len(batch):
            raise site.failed("answered with something else than its API does", "Check its url.")
        yield {
            reference.id: _title(site, reference, part) for reference, part in zip(batch, answer.root, strict=True)
        }


def _title(site: Site, reference: Reference, part: dict[str, Any]) -> Title | None:
    if "200" not in part:
        status = str(part.get("statusCode") or next(iter(part), ""))
        if status.isdecimal() and int(status) in _UNKNOWN:
            return None
        raise site.failed(f"answered {status[:20]} for a card")
    try:
        card = _Card.model_validate(part["200"])
    except ValidationError as error:
        raise site.failed("answered with something else than its API does", "Check its url.") from error
    words = [label.name for label in card.labels]
    return titled(card.name, f"https://trello.com/c/{reference.key}", "archived" if card.closed else "open", words)
