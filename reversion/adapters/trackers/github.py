"""GitHub's issues and pull requests, asked for by its GraphQL API: a hundred in one question."""

from collections.abc import Iterator

from pydantic import Field

from reversion.adapters.trackers.batches import Answers, by_repository
from reversion.adapters.trackers.site import Lenient, Site
from reversion.features.titles import Reference, Title, titled
from reversion.text import plain
from reversion.tracker_settings import GitHub

AT_ONCE = 100
_HOSTED = "https://github.com"
_LABELS = "labels(first: 20) { nodes { name } }"
# The states of issues and of pull requests are of two types, which must not share a name in one answer.
_FIELDS = f"""
  ... on Issue {{ title issueState: state {_LABELS} }}
  ... on PullRequest {{ title pullState: state {_LABELS} }}
"""


class _Label(Lenient):
    name: str


class _Labels(Lenient):
    nodes: list[_Label | None] | None = None


class _Numbered(Lenient):
    title: str
    issue_state: str = Field(default="", alias="issueState")
    pull_state: str = Field(default="", alias="pullState")
    labels: _Labels | None = None


class _Data(Lenient):
    repository: dict[str, _Numbered | None] | None = None


class _Error(Lenient):
    type: str = ""
    message: str = ""


class _Answer(Lenient):
    data: _Data | None = None
    errors: list[_Error] = []


def address(tracker: GitHub) -> str:
    """Return where the API is: at a host of its own for github.com, below `/api` for a server of one's own."""
    return "https://api.github.com" if tracker.url == _HOSTED else f"{tracker.url}/api"


def headers(_: GitHub, token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def titles(site: Site, tracker: GitHub, references: tuple[Reference, ...]) -> Iterator[Answers]:
    """Yield what GitHub knows, batch by batch; of a repository that the token may not see it knows nothing."""
    hidden: list[str] = []
    for repository, batch in by_repository(references, AT_ONCE):
        found = _ask(site, repository, batch)
        if found is None:
            hidden.append(repository)
        yield {
            reference.id: _title(tracker, reference, numbered)
            if found and (numbered := found.get(f"n{reference.key}"))
            else None
            for reference in batch
        }
    if hidden:
        raise site.failed(f"has no repository {hidden[0]} that the token may read", pause=0)


def _ask(site: Site, repository: str, batch: tuple[Reference, ...]) -> dict[str, _Numbered | None] | None:
    owner, _, name = repository.partition("/")
    numbers = {reference.key for reference in batch}
    wanted = "\n".join(f"n{number}: issueOrPullRequest(number: {number}) {{{_FIELDS}}}" for number in sorted(numbers))
    query = f"query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{\n{wanted}\n}} }}"
    answer = site.post("/graphql", _Answer, {"query": query, "variables": {"owner": owner, "name": name}})
    if answer is None:
        raise site.failed("is no GitHub: it does not know GitHub's API", "Check its url.")
    for error in answer.errors:
        if error.type == "RATE_LIMITED":
            raise site.failed("is busy: too many questions this hour", pause=3600)
        if error.type != "NOT_FOUND":
            raise site.failed(f"refused: {plain(error.message, 120).rstrip('.') or 'it gave no reason'}")
    if answer.data is None:
        raise site.failed("answered with something else than its API does", "Check its url.")
    return answer.data.repository


def _title(tracker: GitHub, reference: Reference, found: _Numbered) -> Title | None:
    labels = (found.labels.nodes if found.labels else None) or ()
    status = (found.issue_state or found.pull_state).lower()
    page = f"{tracker.url}/{reference.repository}/issues/{reference.key}"
    return titled(found.title, page, status, [label.name for label in labels if label])
