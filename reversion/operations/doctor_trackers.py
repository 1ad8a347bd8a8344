"""Check that every tracker answers, by asking for one feature that it might know."""

from collections.abc import Iterator

from reversion.adapters.trackers.fetching import fetch
from reversion.features.titles import Reference, shares
from reversion.operations.findings import Finding, ok, warn
from reversion.operations.titling import PATIENCE
from reversion.operations.workspace import Workspace
from reversion.tracker_settings import GitHub, GitLab, Jira, Tracker


def examine_trackers(workspace: Workspace) -> Iterator[Finding]:
    """Yield one finding for each tracker; none is worse than a warning, since titles are a convenience."""
    trackers = workspace.product.features.trackers
    asked = tuple((tracker, _probe(workspace, tracker)) for tracker in trackers)
    for (tracker, probe), fetched in zip(asked, fetch(asked, workspace.home, PATIENCE), strict=True):
        subject = f"tracker {tracker.kind}"
        if fetched.problem:
            yield warn(subject, fetched.problem.message, fetched.problem.todo or "Titles are taken from the commits.")
        elif not probe:
            yield warn(
                subject, f"No service's repository lies at {tracker.url}.", "Name a repository beside its url."
            )
        else:
            yield ok(subject, f"{tracker.url} answers.")


def _probe(workspace: Workspace, tracker: Tracker) -> tuple[Reference, ...]:
    """Return one reference of the tracker's form."""
    services = workspace.product.services
    match tracker:
        case Jira():
            ids = [f"{tracker.projects[0]}-1"]
        case GitHub() | GitLab() if tracker.repository:
            ids = [f"{tracker.prefix or ''}1"]
        case GitHub() | GitLab():
            ids = [f"{name}#1" for name in services]
        case _:
            ids = ["00000000"]
    (references,) = shares((tracker,), ids, {name: service.repository for name, service in services.items()})
    return references[:1]
