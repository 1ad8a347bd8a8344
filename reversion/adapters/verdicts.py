"""What became of each service in a run of the restore playbook.

A service is restored only if Ansible ended properly, counts each of its instances as right, the playbook
touched it, and the wanted version was seen there.
"""

import re
from dataclasses import dataclass

from reversion.adapters.aliases import Target
from reversion.adapters.ansible_run import Ran, Result
from reversion.adapters.fence import REFUSAL
from reversion.adapters.probes import observed, seen_version, why_unfinished
from reversion.adapters.stage import Stage
from reversion.outcome import StepResult


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


def judge(stage: Stage, ran: Ran, target: RestoreTarget) -> StepResult:
    """Fold what happened on a service's hosts: failure outweighs unreachable, which outweighs success."""
    told = [(instance.host, *_judge_instance(stage, ran, instance, target.version)) for instance in target.targets()]
    seen = {host: version for host, _, _, version in told if version}
    for state in ("failed", "unreachable"):
        messages = [message for _, judged, message, _ in told if judged == state]
        if messages:
            return StepResult(
                service=target.service,
                state=state,
                version=target.version,
                message="; ".join(messages),
                versions=seen,
            )
    return StepResult(service=target.service, state="restored", version=target.version, versions=seen)


def _judge_instance(stage: Stage, ran: Ran, target: Target, wanted: str) -> tuple[str, str, str]:
    """Return state, message and the version seen for one service on one host."""
    where = f"{target.service} on {target.host}"
    reason = ran.reason(target.alias)
    version, problem = seen_version(ran, target, stage)
    if version and version != wanted:
        return "failed", f"{where}: the playbook ran, but {version} runs, not the wanted {wanted}.", version
    if not ran.finished:
        before = f" Before that, task '{reason.task}' {reason.kind}: {reason.message}." if reason else ""
        why = why_unfinished(ran, stage.environment.restore_timeout)
        return "failed", f"{where}: {why}{before}", version or ""
    if target.alias in ran.unreachable:
        message = reason.message if reason else "Ansible gave no reason"
        if reason and REFUSAL in message:
            return "failed", f"{where}: {reached_out(stage, reason)}", version or ""
        return "unreachable", f"{where}: the host cannot be reached: {message}", version or ""
    if reason and target.alias in ran.failed:
        return "failed", f"{where}: task '{reason.task}' failed: {reason.message}", version or ""
    if target.alias not in ran.touched:
        return "failed", _untouched(stage, where), version or ""
    seen = observed(ran, target)
    if seen and seen.kind == "unreachable":
        return "unreachable", f"{where}: the host cannot be reached after the restore: {seen.message}", ""
    if version != wanted:
        return "failed", f"{where}: the playbook ran, but the version can't be read: {problem}.", ""
    if target.alias in ran.failed or target.alias not in ran.ok:
        return "failed", f"{where}: Ansible counts it as failed.", version
    return "restored", "", version


def reached_out(stage: Stage, reason: Result) -> str:
    """Say which task was kept by the fence from a host of another environment."""
    named = re.search(r'remote host "([^"]+)"', reason.message)
    where = named.group(1) if named else "a foreign host"
    return f"task '{reason.task}' reached out to {where}. {REFUSAL} {stage.environment.name} only."


def _untouched(stage: Stage, where: str) -> str:
    return (
        f"{where}: {stage.environment.restore} touched no instance of it. "
        "Let its play have 'hosts: reversion_targets', or the service's group."
    )
