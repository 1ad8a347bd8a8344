"""The user's own playbooks: restore services, configure an environment, check syntax.

The variables that a playbook may use are told in `aliases`. Values from outside reach it as data only.
"""

import time
from pathlib import Path

from reversion.adapters.aliases import Member, write_inventory
from reversion.adapters.ansible_run import Order, Ran, run_playbook
from reversion.adapters.ansible_settings import run_command, surroundings
from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import REFUSAL, build_fence
from reversion.adapters.probes import make_watched, observation_plays, why_unfinished
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.verdicts import RestoreTarget, judge, reached_out
from reversion.errors import HostUnreachable, PlaybookFailed, ProductInvalid
from reversion.outcome import StepResult
from reversion.text import plain

__all__ = ["RestoreTarget", "check_syntax", "configure", "proven", "restore", "restore_all"]

_LET_IN = "Check that the host is up, and that the worker's user may log in there with ssh."


def restore(stage: Stage, target: RestoreTarget) -> StepResult:
    """Restore one service on its hosts and see that the wanted version runs there.

    Raise HostUnreachable where a host can't be reached and nothing worse happened, otherwise PlaybookFailed.
    """
    (result,) = restore_all(stage, (target,))
    return proven(result)


def proven(result: StepResult) -> StepResult:
    """Return the result of a service that was restored, or raise the error that it is."""
    if result.state == "unreachable":
        raise HostUnreachable(result.message, _LET_IN)
    if result.state == "failed":
        raise PlaybookFailed(result.message, "Mend the playbook or the host, then revert again.")
    return result


def restore_all(stage: Stage, wanted: tuple[RestoreTarget, ...]) -> tuple[StepResult, ...]:
    """Restore many services side by side in one run of Ansible; return a result for each, in that order."""
    playbook = _playbook(stage, stage.environment.restore, "restore")
    for target in wanted:
        if not target.hosts:
            raise ProductInvalid(
                f"{target.service} has no host in {stage.environment.name}.",
                f"Correct 'hosts' of services.{target.service}, or the inventory.",
            )
    began = time.monotonic()
    ran = _run_restore(stage, wanted, playbook)
    seconds = round(time.monotonic() - began, 3)
    return tuple(judge(stage, ran, target).model_copy(update={"seconds": seconds}) for target in wanted)


def _run_restore(stage: Stage, wanted: tuple[RestoreTarget, ...], playbook: Path) -> Ran:
    around = surroundings(stage.tree, stage.environment)
    instances = tuple(instance for target in wanted for instance in target.targets())
    with run_directory() as run:
        fence = build_fence(run.fence, stage.inventory, around)
        members = tuple(member for target in wanted for member in _members(stage, target))
        write_inventory(run.inventory, stage.inventory, members, fence)
        plays = observation_plays(stage, instances, wait=True)
        run.observation.write_text(plays, encoding="ascii")
        both = [{"import_playbook": str(path)} for path in (playbook, run.observation)]
        run.playbook.write_text(to_yaml(both), encoding="ascii")
        order = Order(stage.environment.restore_timeout, stage.say, stage.cancelled)
        return run_playbook(run, around, fence, order)


def _members(stage: Stage, target: RestoreTarget) -> tuple[Member, ...]:
    about = {"version": target.version, "commit": target.commit or "", "snapshot": target.snapshot}
    return tuple(make_watched(stage, instance, about) for instance in target.targets())


def configure(stage: Stage, snapshot: str) -> None:
    """Run the environment's `configure` playbook once over its real hosts.

    Raise HostUnreachable or PlaybookFailed, naming host, task and message.
    """
    playbook = _playbook(stage, stage.environment.configure, "configure")
    around = surroundings(stage.tree, stage.environment)
    about = {"reversion_environment": data(stage.environment.name), "reversion_snapshot": data(snapshot)}
    with run_directory() as run:
        fence = build_fence(run.fence, stage.inventory, around)
        members = tuple(Member(host.name, host, host.groups).having(**about) for host in stage.inventory.hosts)
        write_inventory(run.inventory, stage.inventory, members, fence)
        run.playbook.write_text(to_yaml([{"import_playbook": str(playbook)}]), encoding="ascii")
        order = Order(stage.environment.restore_timeout, stage.say, stage.cancelled)
        ran = run_playbook(run, around, fence, order)
    _check_configured(stage, ran)


def _check_configured(stage: Stage, ran: Ran) -> None:
    name = f"{stage.environment.configure} for {stage.environment.name}"
    todo = "Mend the playbook or the host, then revert again."
    if not ran.finished:
        raise PlaybookFailed(f"{name}: {why_unfinished(ran, stage.environment.restore_timeout)}", todo)
    bad = sorted(ran.failed | ran.unreachable)
    told = "; ".join(f"{host}: {_why(stage, ran, host)}" for host in bad)
    if bad and not ran.failed and REFUSAL not in told:
        raise HostUnreachable(f"{name}: {told}", _LET_IN)
    if bad:
        raise PlaybookFailed(f"{name}: {told}", todo)
    if not ran.ok and not ran.touched:
        raise PlaybookFailed(
            f"{name}: it touched no host.", "Let its play have 'hosts: all' or a group of the inventory."
        )


def _why(stage: Stage, ran: Ran, host: str) -> str:
    reason = ran.reason(host)
    if reason is None:
        return "Ansible gave no reason"
    if REFUSAL in reason.message:
        return reached_out(stage, reason)
    return f"task '{reason.task}' {reason.kind}: {reason.message}"


def check_syntax(stage: Stage) -> None:
    """Let Ansible read the restore and the configure playbook without running them; raise ProductInvalid."""
    around = surroundings(stage.tree, stage.environment)
    inventory = str(stage.tree / stage.environment.inventory)
    fields = {"restore": stage.environment.restore, "configure": stage.environment.configure}
    named = {field: (path, str(_playbook(stage, path, field))) for field, path in fields.items() if path}
    playbooks = [playbook for _, playbook in named.values()]
    together = ("ansible-playbook", "--syntax-check", "-i", inventory, *playbooks)
    if not playbooks or not run_command(around, *together).returncode:
        return
    for field, (path, playbook) in named.items():
        ended = run_command(around, "ansible-playbook", "--syntax-check", "-i", inventory, playbook)
        if ended.returncode:
            said = f"{ended.stderr}\n{ended.stdout}".replace(f"{stage.tree}/", "")
            lines = [line for line in said.splitlines() if not line.startswith("[WARNING]")]
            raise ProductInvalid(
                f"environments.{stage.environment.name}.{field}: Ansible can't read {path}: "
                f"{plain(' '.join(lines), 500)}",
                "Correct it and commit.",
            )


def _playbook(stage: Stage, path: str | None, field: str) -> Path:
    if path is None:
        raise ProductInvalid(
            f"environments.{stage.environment.name} has no {field} playbook.",
            f"Add '{field}: path/of/playbook.yml' to it in reversion.yaml.",
        )
    if not (stage.tree / path).is_file():
        raise ProductInvalid(
            f"environments.{stage.environment.name}.{field}: there is no {path}.",
            "Correct the path in reversion.yaml.",
        )
    return stage.tree / path
