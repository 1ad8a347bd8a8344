"""The user's own playbooks: find them, check their syntax, configure an environment. See `restores` for services."""

from pathlib import Path

from reversion.adapters.aliases import Member, write_inventory
from reversion.adapters.ansible_run import Order, Ran, run_playbook
from reversion.adapters.ansible_settings import run_command, surroundings
from reversion.adapters.ansible_yaml import data, to_yaml
from reversion.adapters.fence import REFUSAL, build_fence
from reversion.adapters.probes import why_unfinished
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.verdicts import reached_out
from reversion.errors import HostUnreachable, PlaybookFailed, ProductInvalid
from reversion.text import plain

MEND = "The playbook is the snapshot's: mend what it meets on the host, or choose another snapshot; then go on."
LET_IN = "Check that the host is up, and that the worker's user may log in there with ssh."


def configure(stage: Stage, snapshot: str) -> None:
    """Run the environment's `configure` playbook once over its real hosts.

    Raise HostUnreachable or PlaybookFailed, naming host, task and message.
    """
    playbook = playbook_of(stage, stage.environment.configure, "configure")
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
    if not ran.finished:
        raise PlaybookFailed(f"{name}: {why_unfinished(ran, stage.environment.restore_timeout)}", MEND)
    bad = sorted(ran.failed | ran.unreachable)
    told = "; ".join(f"{host}: {_why(stage, ran, host)}" for host in bad)
    if bad and not ran.failed and REFUSAL not in told:
        raise HostUnreachable(f"{name}: {told}", LET_IN)
    if bad:
        raise PlaybookFailed(f"{name}: {told}", MEND)
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
    named = {field: (path, str(playbook_of(stage, path, field))) for field, path in fields.items() if path}
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
                "Correct it and commit; that counts for snapshots taken from then on.",
            )


def playbook_of(stage: Stage, path: str | None, field: str) -> Path:
    if path is None:
        raise ProductInvalid(
            f"environments.{stage.environment.name} has no {field} playbook.",
            f"Add '{field}: path/of/playbook.yml' to it in reversion.yaml.",
        )
    if not (stage.tree / path).is_file():
        raise ProductInvalid(
            f"environments.{stage.environment.name}.{field}: there is no {path}.",
            "Correct the path in reversion.yaml; a snapshot whose commit lacks the file can't be used.",
        )
    return stage.tree / path
