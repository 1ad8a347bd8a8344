"""Jira: Cloud's bulk fetch, and the search of Data Center."""

import base64
import json
from collections.abc import Iterator

from pydantic import Field

from reversion.adapters.trackers.batches import Answers, batched
from reversion.adapters.trackers.site import Lenient, Site
from reversion.features.titles import Reference, Title, titled
from reversion.tracker_settings import Jira

AT_ONCE = 100
_GATEWAY = "https://api.atlassian.com/"
_FIELDS = ["summary", "issuetype", "status", "labels"]


class _Named(Lenient):
    name: str = ""


class _Fields(Lenient):
    summary: str
    issuetype: _Named | None = None
    status: _Named | None = None
    labels: list[str] | None = None


class _Issue(Lenient):
    key: str
    fields: _Fields


class _Issues(Lenient):
    issues: list[_Issue] = Field(max_length=AT_ONCE)


def headers(tracker: Jira, token: str) -> dict[str, str]:
    """Cloud takes an account's mail address and API token, Data Center a personal access token alone."""
    if tracker.user is None:
        return {"Authorization": f"Bearer {token}"}
    return {"Authorization": "Basic " + base64.b64encode(f"{tracker.user}:{token}".encode()).decode()}


def titles(site: Site, tracker: Jira, references: tuple[Reference, ...]) -> Iterator[Answers]:
    """Yield what Jira knows, batch by batch; an issue that was moved has another key in the answer to its old one."""
    for batch in batched(references, AT_ONCE):
        found = _ask(site, tracker, batch)
        asked = {reference.key for reference in batch}
        missing = tuple(reference for reference in batch if reference.key not in found)
        was_moved = bool(found.keys() - asked)
        yield {
            reference.id: found.get(reference.key) for reference in batch if not (was_moved and reference in missing)
        }
        for reference in missing if was_moved else ():
            yield {reference.id: next(iter(_ask(site, tracker, (reference,)).values()), None)}


def page(tracker: Jira, key: str) -> str:
    """Return the issue's page; nothing where the address is that of Atlassian's gateway, which has no pages."""
    return "" if tracker.url.startswith(_GATEWAY) else f"{tracker.url}/browse/{key}"


def _ask(site: Site, tracker: Jira, batch: tuple[Reference, ...]) -> dict[str, Title | None]:
    keys = [reference.key for reference in batch]
    if tracker.user is not None:
        answer = site.post("/rest/api/3/issue/bulkfetch", _Issues, {"issueIdsOrKeys": keys, "fields": _FIELDS})
    else:
        # Without validation a key that nothing has is left out; with it, all keys are refused for one.
        query = {"jql": f"key in ({', '.join(map(json.dumps, keys))})", "fields": _FIELDS, "maxResults": AT_ONCE}
        answer = site.post("/rest/api/2/search", _Issues, query | {"startAt": 0, "validateQuery": False})
    if answer is None:
        raise site.failed("is no Jira: it does not know Jira's API", "Check its url.")
    return {issue.key: _title(tracker, issue) for issue in answer.issues}


def _title(tracker: Jira, issue: _Issue) -> Title | None:
    fields = issue.fields
    words = (fields.issuetype.name if fields.issuetype else "", *(fields.labels or ()))
    status = fields.status.name if fields.status else ""
    return titled(fields.summary, page(tracker, issue.key), status, words)
