"""Check a product wholly: its file, repositories, environments, tests, snapshots and server."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from reversion.adapters import tags
from reversion.adapters.histories import map_version, open_source, tracked_heads
from reversion.adapters.prefect_api import find_address
from reversion.adapters.repository import Repository
from reversion.adapters.server_health import read_health
from reversion.environment import Observation
from reversion.errors import ReversionError
from reversion.operations.doctor_stage import Examined, examine_environments
from reversion.operations.doctor_trackers import examine_trackers
from reversion.operations.findings import Finding, fail, ok, warn
from reversion.operations.referring import refer
from reversion.operations.workspace import PRODUCT_FILE, Workspace, find_root, open_workspace
from reversion.product import Service
from reversion.text import counted
from reversion.version_sources import needs_environment

_SIDE_BY_SIDE = 8
_CLOCK = 5


def examine(path: str, *, refresh: bool = True) -> Iterator[Finding]:
    """Yield what was found, as soon as it is known; without a product that can be opened that is all."""
    try:
        workspace = open_workspace(path, refresh=refresh)
    except ReversionError as error:
        yield fail("product", error.message, error.todo)
        return
    services, environments = workspace.product.services, workspace.product.environments
    described = f"{counted(len(services), 'service')}, {counted(len(environments), 'environment')}"
    yield ok("product", f"{PRODUCT_FILE} describes {described}.")
    yield from guarded("product", lambda: _uncommitted(path))
    yield from guarded("features", lambda: _entries(workspace))
    yield from _versions(workspace)
    if refresh:
        yield from examine_trackers(workspace)
    yield from guarded("tests", lambda: _tests(workspace))
    yield from guarded("snapshots", lambda: _snapshots(workspace, refresh=refresh))
    examined = examine_environments(workspace)
    yield from examined.findings
    yield from _repositories(workspace, examined, refresh=refresh)
    yield from guarded("server", lambda: _server(workspace))


def guarded(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Run one check; what stops it is what it found."""
    try:
        yield from check()
    except ReversionError as error:
        yield fail(subject, error.message, error.todo)


def _uncommitted(path: str) -> Iterator[Finding]:
    repository = Repository(find_root(path))
    if repository.run("rev-parse", "--is-bare-repository").strip() == "true":
        return
    if repository.run("status", "--porcelain", "--", PRODUCT_FILE).strip():
        yield warn(
            "product", f"{PRODUCT_FILE} has changes that are not committed.", "Commit them to have them count."
        )


def _entries(workspace: Workspace) -> Iterator[Finding]:
    if workspace.product.features.catalogue:
        yield ok("features", f"{counted(len(workspace.entries), 'feature entry was', 'feature entries were')} read.")
    elif not workspace.product.features.conventions:
        todo = "Add features.conventions, e.g. {kind: line, names: [Feature]}."
        yield warn("features", "Nothing says where commit messages name a feature, so none is found.", todo)


def _versions(workspace: Workspace) -> Iterator[Finding]:
    """Read what the newest commit says of versions; without that only `--at` and `compare` don't work."""
    sources = workspace.product.versions
    differs = any(map(needs_environment, sources))
    for name in workspace.product.environments if differs else ("",) if sources else ():
        subject = f"versions of {name}" if name else "versions"
        try:
            found = refer(workspace, workspace.head, name, refresh=False).versions
            told = sum(not one.problem for one in found.services.values())
            yield ok(subject, f"The newest commit tells those of {counted(told, 'service')}.")
        except ReversionError as error:
            yield warn(subject, error.message, error.todo)


def _tests(workspace: Workspace) -> Iterator[Finding]:
    files = workspace.repository.list_files(workspace.head)
    for test in workspace.product.production_tests.values():
        command = test.command[0]
        if "/" in command and not command.startswith("/"):
            is_there = command.removeprefix("./") in files
        else:
            is_there = shutil.which(command) is not None
        if is_there:
            yield ok(f"test {test.name}", f"{command} is there.")
        else:
            todo = "Install it where the worker runs, or correct the command."
            yield fail(f"test {test.name}", f"The command {command} is not there.", todo)
    for environment in workspace.product.environments.values():
        if environment.restore and not environment.production_tests:
            todo = f"Name some in environments.{environment.name}.production_tests."
            yield warn(f"environment {environment.name}", "No production test would prove a reversion.", todo)


def _snapshots(workspace: Workspace, *, refresh: bool) -> Iterator[Finding]:
    if refresh:
        tags.sync(workspace.repository)
        if missing := tags.unpushed(workspace.repository):
            told = f"{counted(len(missing), 'snapshot is', 'snapshots are')} not at the remote."
            yield warn("snapshots", told, f"git push origin {missing[0]}")
    for environment in workspace.product.environments.values():
        if not environment.restore:
            continue
        subject = f"environment {environment.name}"
        try:
            newest = tags.read(workspace.repository, tags.LATEST_VERIFIED, environment.name)
            yield ok(subject, f"Its newest verified snapshot is {newest.tag}.")
        except ReversionError as error:
            yield warn(subject, error.message, error.todo)


def _repositories(workspace: Workspace, examined: Examined, *, refresh: bool) -> Iterator[Finding]:
    def check(service: Service) -> list[Finding]:
        subject = f"service {service.name}"
        return list(guarded(subject, lambda: _repository(workspace, service, examined.seen, refresh=refresh)))

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for findings in pool.map(check, workspace.product.services.values()):
            yield from findings


def _repository(
    workspace: Workspace, service: Service, seen: tuple[Observation, ...], *, refresh: bool
) -> Iterator[Finding]:
    subject = f"service {service.name}"
    repository = open_source(service, workspace.root, workspace.home, refresh=refresh)
    refs = repository.refs()
    missing = [
        name for name in service.tracked if not tracked_heads(service.model_copy(update={"tracked": (name,)}), refs)
    ]
    if missing:
        todo = f"Correct services.{service.name}.tracked."
        yield fail(subject, f"Its repository has no branch {' or '.join(missing)}.", todo)
        return
    versions = sorted({i.version for o in seen for i in o.instances if i.service == service.name and i.version})
    problems = [m.problem for version in versions if (m := map_version(repository, service, version, refs)).problem]
    if problems:
        todo = f"Tag that version, or say how versions are tagged in services.{service.name}.ref."
        yield warn(subject, f"What runs can't be found in Git: {problems[0]}", todo)
    else:
        known = counted(len(versions), "version that runs", "versions that run")
        yield ok(subject, f"Its repository is whole, and knows {known}.")


def _server(workspace: Workspace) -> Iterator[Finding]:
    health = read_health(find_address(workspace.home), workspace.product.product)
    yield ok("server", f"The Prefect server at {health.url} answers.")
    if health.workers:
        yield ok("worker", f"{len(health.workers)} online.")
    else:
        yield fail("worker", "No worker is online, so nothing would run.", "Start one, or 'reversion serve'.")
    if health.ahead is not None and abs(health.ahead) > _CLOCK:
        told = f"The server's clock is {abs(health.ahead):.0f} seconds {'ahead' if health.ahead > 0 else 'behind'}."
        yield warn("clock", told, "Keep both machines in time, as by NTP: snapshots are ordered by time.")
