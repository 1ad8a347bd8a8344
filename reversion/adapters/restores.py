"""The user's restore playbook for many services in one run of Ansible, and what is seen after it.

The variables that a playbook may use are told in `aliases`. Values from outside reach it as data only.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from reversion.adapters.aliases import Member, Target, make_alias, write_inventory
from reversion.adapters.ansible_run import Order, Ran, run_playbook
from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.ansible_yaml import to_yaml
from reversion.adapters.fence import build_fence
from reversion.adapters.playbooks import LET_IN, MEND, playbook_of
from reversion.adapters.probes import Expected, look
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.verdicts import Evidence, RestoreTarget, has_passed, judge
from reversion.environment import Instance
from reversion.errors import HostUnreachable, PlaybookFailed, ProductInvalid, RunInterrupted
from reversion.outcome import StepResult


def restore(stage: Stage, target: RestoreTarget) -> StepResult:
    """Restore one service on its hosts and see that the wanted version runs there.

    Raise HostUnreachable or RunInterrupted where nothing worse happened, otherwise PlaybookFailed.
    """
    (result,) = restore_all(stage, (target,))
    return proven(result)


def proven(result: StepResult) -> StepResult:
    """Return the result of a service that was restored, or raise the error that it is."""
    if result.state == "unreachable":
        raise HostUnreachable(result.message, LET_IN)
    if result.state == "interrupted":
        raise RunInterrupted(result.message, "Revert again.")
    if result.state == "failed":
        raise PlaybookFailed(result.message, MEND)
    return result


def restore_all(
    stage: Stage, wanted: tuple[RestoreTarget, ...], settled: Callable[[StepResult], None] = lambda _: None
) -> tuple[StepResult, ...]:
    """Restore many services side by side in one run of Ansible; return a result for each, in that order.

    `settled` gets each result as soon as it is known: failures when the playbook has ended, a success when the
    wanted version is seen on all of the service's hosts.
    """
    playbook = playbook_of(stage, stage.environment.restore, "restore")
    for target in wanted:
        if not target.hosts:
            raise ProductInvalid(
                f"{target.service} has no host in {stage.environment.name}.",
                f"Correct 'hosts' of services.{target.service}, or the inventory.",
            )
    began = time.monotonic()
    seconds = _patience(stage, wanted)
    ran = _run_restore(stage, wanted, playbook, seconds)
    return _Settling(stage, wanted, Evidence(ran, seconds, {}), began, settled).see()


class _Settling:
    """Looks at what passed, and settles each service once, as soon as all of it is known."""

    def __init__(
        self,
        stage: Stage,
        wanted: tuple[RestoreTarget, ...],
        evidence: Evidence,
        began: float,
        settled: Callable[[StepResult], None],
    ) -> None:
        self._stage, self._wanted, self._evidence = stage, wanted, evidence
        self._began, self._settled = began, settled
        self._seen: dict[Target, Instance] = {}
        self._results: dict[str, StepResult] = {}

    def see(self) -> tuple[StepResult, ...]:
        passed = {t: [i for i in t.targets() if has_passed(self._evidence.ran, i)] for t in self._wanted}
        for target, instances in passed.items():
            if not instances:
                self._settle(target)
        versions = {target.service: target.version for target in self._wanted}
        with contextlib.suppress(PlaybookFailed):
            every = tuple(instance for instances in passed.values() for instance in instances)
            look(self._stage, every, Expected(versions, self._take))
        for target in self._wanted:
            self._settle(target)
        return tuple(self._results[target.service] for target in self._wanted)

    def _take(self, seen: Instance) -> None:
        instance = Target(seen.service, seen.host)
        self._seen[instance] = seen
        told = f"runs {seen.version}" if seen.version else seen.problem
        self._stage.say(instance.alias, f"{instance.alias}: {told}")
        target = next(target for target in self._wanted if target.service == seen.service)
        if self._judged(target).is_proven:
            self._settle(target)

    def _judged(self, target: RestoreTarget) -> StepResult:
        result = judge(self._stage, replace(self._evidence, seen=self._seen), target)
        return result.model_copy(update={"seconds": round(time.monotonic() - self._began, 3)})

    def _settle(self, target: RestoreTarget) -> None:
        if target.service not in self._results:
            result = self._results[target.service] = self._judged(target)
            self._settled(result)


def _patience(stage: Stage, wanted: tuple[RestoreTarget, ...]) -> int:
    """Return how long a run may take: what the environment gives a service, for each round of forks."""
    around = surroundings(stage.tree, stage.environment)
    forks = around.setting("ANSIBLE_FORKS", "defaults.forks") or ""
    instances = sum(len(target.hosts) for target in wanted)
    rounds = -(-instances // int(forks)) if forks.isdecimal() and int(forks) else 1
    return stage.environment.restore_timeout * max(rounds, 1)


def _run_restore(stage: Stage, wanted: tuple[RestoreTarget, ...], playbook: Path, seconds: int) -> Ran:
    around = surroundings(stage.tree, stage.environment)
    with run_directory() as run:
        fence = build_fence(run.fence, stage.inventory, around)
        members = tuple(member for target in wanted for member in _members(stage, target))
        write_inventory(run.inventory, stage.inventory, _spread(members), fence)
        run.playbook.write_text(to_yaml([{"import_playbook": str(playbook)}]), encoding="ascii")
        return run_playbook(run, around, fence, Order(seconds, stage.say, stage.cancelled))


def _members(stage: Stage, target: RestoreTarget) -> tuple[Member, ...]:
    about = {"version": target.version, "commit": target.commit or "", "snapshot": target.snapshot}
    return tuple(make_alias(stage.product, stage.inventory, instance, about) for instance in target.targets())


def _spread(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Take the members of each host in turn, so that neighbours in Ansible's queue are on different hosts."""
    hosts: dict[str, list[Member]] = {}
    for member in members:
        hosts.setdefault(member.host.name, []).append(member)
    turns = zip_longest(*hosts.values())
    return tuple(member for turn in turns for member in turn if member is not None)
