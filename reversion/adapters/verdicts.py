"""What became of each service in a run of the restore playbook.

A service is restored only if Ansible ended properly, counts each of its instances as right, the playbook
touched it, and the wanted version was seen there after the run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reversion.adapters.aliases import Target
from reversion.adapters.ansible_run import Ran, Result
from reversion.adapters.fence import REFUSAL
from reversion.adapters.probes import UNREACHED, why_unfinished
from reversion.adapters.stage import Stage
from reversion.environment import Instance
from reversion.outcome import StepResult

Failing = Literal["failed", "unreachable", "interrupted"]


@dataclass(frozen=True)
class RestoreTarget:
    """One service to restore: the wanted version with its commit, the snapshot's tag, and on which hosts."""

    service: str
    version: str
    commit: str | None
    snapshot: str
    hosts: tuple[str, ...]

    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(self.service, host) for host in self.hosts)


@dataclass(frozen=True)
class Evidence:
    """A run of the restore playbook, how long it was let run (seconds), and what was seen after it."""

    ran: Ran
    seconds: int
    seen: Mapping[Target, Instance]


def judge(stage: Stage, evidence: Evidence, target: RestoreTarget) -> StepResult:
    """Fold what happened on a service's hosts: failure outweighs unreachable, and both of them success."""
    told = [(instance, *_judge_instance(stage, evidence, instance, target.version)) for instance in target.targets()]
    seen = {each.host: each.version for each in map(evidence.seen.get, target.targets()) if each and each.version}
    step = StepResult(service=target.service, state="restored", version=target.version, versions=seen)
    for state in ("failed", "interrupted", "unreachable"):
        if messages := [message for _, judged, message in told if judged == state]:
            return step.model_copy(update={"state": state, "message": "; ".join(messages)})
    return step


def has_passed(ran: Ran, target: Target) -> bool:
    """Tell whether the playbook was done with an instance, and that well, so that its version is worth a look."""
    is_right = target.alias in ran.ok and target.alias not in ran.failed | ran.unreachable
    return ran.finished and is_right and target.alias in ran.touched


def _judge_instance(
    stage: Stage, evidence: Evidence, target: Target, wanted: str
) -> tuple[Failing | Literal["restored"], str]:
    """Return the state of one service on one host, and why it is no better."""
    where = f"{target.service} on {target.host}"
    if not has_passed(evidence.ran, target):
        state, why = _why_not_passed(stage, evidence, target)
        return state, f"{where}: {why}"
    seen = evidence.seen.get(target)
    if seen and seen.version == wanted:
        return "restored", ""
    if seen and seen.version:
        return "failed", f"{where}: the playbook ran, but {seen.version} runs, not the wanted {wanted}."
    problem = seen.problem if seen else "nobody could look"
    if problem.startswith(UNREACHED):
        return "unreachable", f"{where}: after the restore {problem}"
    return "failed", f"{where}: the playbook ran, but the version can't be read: {problem}."


def _why_not_passed(stage: Stage, evidence: Evidence, target: Target) -> tuple[Failing, str]:
    ran, alias = evidence.ran, target.alias
    reason = ran.reason(alias)
    if not ran.finished:
        return _why_cut_off(evidence, alias)
    if alias in ran.unreachable:
        message = reason.message if reason else "Ansible gave no reason"
        if reason and REFUSAL in message:
            return "failed", reached_out(stage, reason)
        return "unreachable", f"{UNREACHED}: {message}"
    if reason and alias in ran.failed:
        return "failed", f"task '{reason.task}' failed: {reason.message}"
    if alias not in ran.touched:
        return "failed", (
            f"{stage.environment.restore} touched no instance of it. "
            "Let its play have 'hosts: reversion_targets', or the service's group."
        )
    return "failed", "Ansible counts it as failed."


def _why_cut_off(evidence: Evidence, alias: str) -> tuple[Failing, str]:
    """Tell what did not end, or had failed before, from what only had to wait; and what Ansible itself failed at."""
    ran = evidence.ran
    why = why_unfinished(ran, evidence.seconds)
    if ran.status == "timeout" and (hanging := ran.hanging.get(alias)):
        return "failed", f"task '{hanging}' was not done within {evidence.seconds} seconds and was stopped."
    if reason := ran.reason(alias):
        return "failed", f"{why} Before that, task '{reason.task}' {reason.kind}: {reason.message}."
    if ran.status == "timeout" and ran.hanging:
        others = ", ".join(sorted(ran.hanging)[:3])
        return "interrupted", f"it was held up by {others}, which did not end within {evidence.seconds} seconds."
    return ("interrupted" if ran.status == "killed" else "failed"), why


def reached_out(stage: Stage, reason: Result) -> str:
    """Say which task was kept by the fence from a host of another environment."""
    named = re.search(r'remote host "([^"]+)"', reason.message)
    where = named.group(1) if named else "a foreign host"
    return f"task '{reason.task}' reached out to {where}. {REFUSAL} {stage.environment.name} only."
