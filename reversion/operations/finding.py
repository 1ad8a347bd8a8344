"""Find the snapshot to go back to by what it has and lacks, and by how little it takes away."""

from datetime import datetime

from reversion.adapters import tags
from reversion.candidates import Criteria, Distance, Nearer, Now, nearer, rank
from reversion.errors import ReversionError, SnapshotInvalid, UnknownName
from reversion.operations.judging import features_of, running_versions
from reversion.operations.observing import observe
from reversion.operations.workspace import Workspace
from reversion.plan import Plan
from reversion.product import Environment
from reversion.snapshot import Recorded
from reversion.text import Value

LOOKED_AT = 1000
"""How many snapshots are read where nobody asks for more: some three years of nightly ones, about two seconds."""
_NEAR = 200


class Ranking(Value):
    """The snapshots that fit, best first; `looked_at` of them were read, `older` ones were not.

    `broken` counts those that can't be used; `notes` are sentences about what else was found.
    """

    found: tuple[Distance, ...]
    looked_at: int
    older: int = 0
    broken: int = 0
    notes: tuple[str, ...] = ()


def find(
    workspace: Workspace,
    environment: Environment,
    criteria: Criteria,
    *,
    since: datetime | None = None,
    look_at: int = LOOKED_AT,
    refresh: bool = True,
) -> Ranking:
    """Rank the newest snapshots of the environment that fit, against what runs there now.

    Raise UnknownName for a feature that neither what runs nor any of the snapshots knows.
    """
    notes = _sync(workspace) if refresh else ()
    names = tags.names(workspace.repository, environment.name)
    asked = sum(since is None or name.rpartition("/")[2] >= f"{since:%Y-%m-%dT%H-%M-%SZ}" for name in names)
    read = tags.newest(workspace.repository, environment.name, min(asked, look_at))
    recorded = [each for each in read if isinstance(each, Recorded)]
    observation = observe(workspace, environment)
    now = Now(
        features=features_of(workspace, observation, refresh=refresh),
        versions=running_versions(observation, workspace),
        conventions=workspace.product.features.conventions_digest(),
    )
    _demand_known(criteria, now, recorded)
    return Ranking(
        found=rank(now, (each for each in recorded if criteria.fits(each.snapshot))),
        looked_at=len(read),
        older=asked - len(read),
        broken=len(read) - len(recorded),
        notes=notes,
    )


def find_nearer(workspace: Workspace, plan: Plan) -> Nearer | None:
    """Look among the 200 newest snapshots for a smaller way back than the plan's; None also where Git fails.

    It is a hint for who reads the plan and no part of it: a snapshot taken meanwhile must not void an approval.
    """
    try:
        names = tags.names(workspace.repository, plan.environment)
        newer = sum(name.rpartition("/")[2] > plan.snapshot.rpartition("/")[2] for name in names)
        read = tags.newest(workspace.repository, plan.environment, min(newer, _NEAR))
        return nearer(plan, [each for each in read if isinstance(each, Recorded)])
    except ReversionError:
        return None


def _sync(workspace: Workspace) -> tuple[str, ...]:
    """Fetch what others recorded; a moved tag is told and keeps nobody from seeing the rest."""
    try:
        tags.sync(workspace.repository)
    except SnapshotInvalid as error:
        return (str(error),)
    return ()


def _demand_known(criteria: Criteria, now: Now, recorded: list[Recorded]) -> None:
    known = {feature.id for feature in now.features}.union(*(each.snapshot.features for each in recorded))
    for name in (*criteria.present, *criteria.missing):
        if name not in known:
            raise UnknownName.among("feature", name, tuple(sorted(known)))
