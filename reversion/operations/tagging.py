"""Take snapshots: what runs, the features that makes, and where the configuration is, in an annotated tag."""

from datetime import UTC, datetime

from reversion.adapters import tags
from reversion.adapters.catalogue import open_catalogue
from reversion.environment import Observation
from reversion.errors import UnknownName
from reversion.features.values import Feature
from reversion.operations.judging import Study, judge, running_versions, study
from reversion.operations.observing import Say, observe
from reversion.operations.verifying import verify
from reversion.operations.workspace import Workspace
from reversion.product import Environment
from reversion.snapshot import Recorded, Snapshot, SnapshotFeature, SnapshotService, TakenBy, environment_and_time
from reversion.text import Value, counted

_SEARCHED = 500


class Verification(Value):
    """What the production tests said, of the environment as it then was; None where none was run."""

    passed: bool | None = None
    fingerprint: str = ""

    def of(self, observation: Observation) -> bool | None:
        """Tell whether what was observed is verified; tests of something else say nothing of it."""
        return self.passed if self.fingerprint == observation.fingerprint() else None


class Request(Value):
    """What a snapshot is asked for with; `skip_unchanged` keeps the newest one where nothing has changed since."""

    by: TakenBy
    label: str = ""
    verification: Verification = Verification()
    skip_unchanged: bool = False


class Taken(Value):
    """The snapshot, whether it is new or was there already, and the features as they were judged for it."""

    recorded: Recorded
    is_new: bool
    features: tuple[Feature, ...] = ()


def take(workspace: Workspace, environment: Environment, request: Request, seen: Observation | None = None) -> Taken:
    """Judge the features of what runs (as `seen`, or observed now) and record both as a tag, pushed to a remote."""
    tags.sync(workspace.repository)
    observation = seen or observe(workspace, environment)
    versions = running_versions(observation, workspace)
    studied = study(workspace, versions)
    newest = _newest(workspace, environment)
    features = judge(workspace, environment.name, studied, versions)
    snapshot = _snapshot(workspace, observation, studied, request).model_copy(
        update={"features": {f.id: _feature(f) for f in features}, "previous": newest.tag if newest else ""}
    )
    if request.skip_unchanged and newest and _is_unchanged(workspace, environment, newest.snapshot, snapshot):
        return Taken(recorded=newest, is_new=False, features=features)
    recorded = tags.create(workspace.repository, snapshot)
    open_catalogue(workspace.home).remember(recorded)
    return Taken(recorded=recorded, is_new=True, features=features)


def verification(workspace: Workspace, environment: Environment, say: Say) -> Verification:
    """Run the environment's production tests on what runs now; without tests nothing is verified."""
    tests = workspace.product.tests_of(environment)
    if not tests:
        return Verification()
    fingerprint = observe(workspace, environment).fingerprint()
    checks = [verify(workspace, environment, test) for test in tests]
    for check in checks:
        cases = f" ({counted(len(check.cases), 'case')})" if check.cases else ""
        say(f"{check.name}: {'passed' if check.passed else check.message}{cases}")
    return Verification(passed=all(check.passed for check in checks), fingerprint=fingerprint)


def find(workspace: Workspace, environment: Environment, name: str, *, refresh: bool = True) -> Recorded:
    """Return the snapshot of that tag name (or `latest-verified`), checked, and never seen as another object."""
    if refresh:
        tags.sync(workspace.repository)
    recorded = tags.read(workspace.repository, name, environment.name)
    open_catalogue(workspace.home).remember(recorded)
    return recorded


def locate(workspace: Workspace, text: str) -> Recorded:
    """Return the snapshot that a text means: a tag's name, the last part of one, or ENVIRONMENT/latest-verified."""
    recorded = tags.read(workspace.repository, *_named(workspace, text))
    open_catalogue(workspace.home).remember(recorded)
    return recorded


def whole_name(workspace: Workspace, text: str) -> str:
    """Return the name of the snapshot's tag that ends with a text, or nothing."""
    return next((name for name in tags.names(workspace.repository) if name.endswith(f"/{text}")), "")


def taken_by_run(workspace: Workspace, environment: str, run: str) -> str:
    """Return the tag of the snapshot that a run took before it changed anything, or nothing."""
    newest = tags.newest(workspace.repository, environment, _SEARCHED)
    found = (each for each in newest if isinstance(each, Recorded) and each.snapshot.taken_by.run == run)
    return next((each.tag for each in found), "")


def _named(workspace: Workspace, text: str) -> tuple[str, str]:
    """Return the tag's name (or the label) and the environment that a text means."""
    if named := environment_and_time(text):
        return text, named[0]
    environment, slash, label = text.rpartition("/")
    if slash and label == tags.LATEST_VERIFIED:
        return label, environment.removeprefix("reversion/")
    if name := whole_name(workspace, text):
        return name, name.split("/")[1]
    tags.refuse_other_tag(workspace.repository, text, "reversion snapshots")
    raise UnknownName.among("snapshot", text, tags.names(workspace.repository)[:5])


def _newest(workspace: Workspace, environment: Environment) -> Recorded | None:
    found = tags.newest(workspace.repository, environment.name, 1)
    return found[0] if found and isinstance(found[0], Recorded) else None


def _snapshot(workspace: Workspace, observation: Observation, studied: Study, request: Request) -> Snapshot:
    versions = running_versions(observation, workspace)
    return Snapshot(
        product=workspace.product.product,
        environment=observation.environment,
        taken_at=datetime.now(UTC).replace(microsecond=0),
        taken_by=request.by,
        label=request.label,
        product_commit=workspace.head,
        conventions=workspace.product.features.conventions_digest(),
        verified=request.verification.of(observation),
        complete=observation.is_complete(),
        services={name: _service(workspace, observation, studied, name) for name in sorted(versions)},
    )


def _service(workspace: Workspace, observation: Observation, studied: Study, name: str) -> SnapshotService:
    running = observation.running(name)
    mapped = studied.mapped.get((name, running.version)) if running.version else None
    return SnapshotService(
        version=running.version,
        commit=mapped.commit if mapped else None,
        mapped_by=mapped.mapped_by if mapped else "",
        problem=running.problem or (mapped.problem if mapped else ""),
        repository=workspace.product.service(name).repository,
        hosts=tuple(instance.host for instance in observation.instances if instance.service == name),
    )


def _feature(feature: Feature) -> SnapshotFeature:
    return SnapshotFeature(title=feature.title, kind=feature.kind, state=feature.state, parts=feature.parts)


def _is_unchanged(workspace: Workspace, environment: Environment, old: Snapshot, new: Snapshot) -> bool:
    """Compare what restoring them would do, and what is proven of them; features follow from the services."""
    same = (old.services, old.verified, old.complete, old.label) == (
        new.services,
        new.verified,
        new.complete,
        new.label,
    )
    if not same or not workspace.repository.resolve(old.product_commit):
        return False
    watched = environment.configuration or (environment.inventory,)
    return not workspace.repository.changed_files(old.product_commit, new.product_commit, *watched)
