"""Bring the index of the services' histories up to date, or make it anew from Git."""

from reversion.adapters.catalogue import open_catalogue
from reversion.adapters.index import Index
from reversion.adapters.index_group import Progress
from reversion.errors import ServerFailed
from reversion.operations.workspace import Workspace
from reversion.text import Value


class Indexed(Value):
    """How far one service's history is known: all its commits, those read just now, tags of versions, features.

    `problem` says why it can't be read; the numbers are then those from before.
    """

    service: str
    commits: int
    new: int
    versions: int
    features: int
    problem: str = ""


def bring_up_to_date(workspace: Workspace, *, rebuild: bool = False, refresh: bool = True) -> tuple[Indexed, ...]:
    """Read what is new in every service's repository; with `rebuild`, forget what is kept first.

    Raise ServerFailed where the catalogue can't keep it.
    """
    store = open_catalogue(workspace.home).index()
    if rebuild:
        store.forget()
    failed: list[ServerFailed] = []
    product = workspace.product
    index = Index(workspace.root, workspace.home, product.features, workspace.entries, store, failed.append)
    studied = index.study(tuple(product.services.values()), {}, refresh=refresh)
    if failed:
        raise failed[0]
    features = {book.sheet.service: len(book.sheet.features) for book in studied.books}
    return tuple(
        _indexed(name, studied.progress.get(name, Progress()), features.get(name, 0), studied.problems.get(name, ""))
        for name in product.services
    )


def _indexed(service: str, progress: Progress, features: int, problem: str) -> Indexed:
    return Indexed(
        service=service,
        commits=progress.commits,
        new=progress.new,
        versions=progress.versions,
        features=features,
        problem=problem,
    )
