"""GitLab's merge requests and issues, a project's many numbers in one question."""

from collections.abc import Iterator
from urllib.parse import quote

from pydantic import RootModel

from reversion.adapters.trackers.batches import Answers, by_repository
from reversion.adapters.trackers.site import Lenient, Site
from reversion.features.titles import Reference, Title, titled
from reversion.tracker_settings import GitLab

AT_ONCE = 50


class _Numbered(Lenient):
    iid: int
    title: str
    state: str = ""
    labels: list[str] = []


class _Listed(RootModel[list[_Numbered]]):
    pass


def headers(_: GitLab, token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def titles(site: Site, tracker: GitLab, references: tuple[Reference, ...]) -> Iterator[Answers]:
    """Yield what GitLab knows, batch by batch; of a project that the token may not see it knows nothing."""
    hidden: list[str] = []
    for project, batch in by_repository(references, AT_ONCE):
        path = f"/api/v4/projects/{quote(project, safe='')}/{tracker.numbers}"
        numbers = [reference.key for reference in batch]
        listed = site.get(path, _Listed, **{"iids[]": numbers, "per_page": 100})
        if listed is None:
            hidden.append(project)
        found = {str(one.iid): one for one in listed.root} if listed else {}
        yield {
            reference.id: _title(tracker, reference, found[reference.key]) if reference.key in found else None
            for reference in batch
        }
    if hidden:
        raise site.failed(f"has no project {hidden[0]} that the token may read", pause=0)


def _title(tracker: GitLab, reference: Reference, found: _Numbered) -> Title | None:
    page = f"{tracker.url}/{reference.repository}/-/{tracker.numbers}/{reference.key}"
    return titled(found.title, page, found.state, found.labels)
