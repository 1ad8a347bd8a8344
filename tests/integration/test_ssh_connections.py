"""Commands go over the connection that ssh holds open, and end as they would with an ssh of their own."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversion.adapters.restores import restore, restore_all
from reversion.adapters.verdicts import RestoreTarget
from reversion.errors import HostUnreachable
from tests.e2e.server import wait_for
from tests.playing import runs_kept_apart
from tests.ssh_stage import a_stage
from tests.sshd import Sshd, sshd_hosts

pytestmark = pytest.mark.sshd

WEB = RestoreTarget("web", "1.4.0", None, "reversion/x", ("staging-1",))
HEAD = "- hosts: reversion_targets\n  gather_facts: false\n  tasks:\n"
RESTORED = """
    - ansible.builtin.copy: {content: "{{ reversion_version }}", dest: "ROOT/{{ inventory_hostname }}"}
"""
MANY = """
    - name: Tell
      ansible.builtin.command: "sh -c 'echo $LC_ALL; echo err >&2; exit 3'"
      register: told
      ignore_errors: true
    - {name: Say much, ansible.builtin.command: "head -c 3000000 /dev/zero", register: much}
    - {name: Have one, ansible.builtin.raw: "tty >/dev/null && echo terminal; echo err >&2", register: terminal}
    - {name: Take much, ansible.builtin.copy: {src: ROOT/much, dest: "ROOT/much-KIND"}, register: taken}
    - {name: Close its input, ansible.builtin.raw: "exec <&-; exit 4", register: closed, ignore_errors: true}
    - name: Become
      ansible.builtin.command: sh -c 'echo one; echo "$SUDO_COMMAND"; echo two'
      become: true
      become_user: other
      vars: {ansible_become_exe: ROOT/sudo}
      register: became
    - name: Set and send what counts for one command only
      ansible.builtin.command: sh -c 'echo "$LC_SET $LC_ALL"'
      vars: {ansible_ssh_extra_args: "-o SetEnv=LC_SET=set -o SendEnv=LC_ALL"}
      register: both
    - name: Send the environment's variables
      ansible.builtin.command: sh -c 'echo "$LC_SET $LC_ALL"'
      vars: {ansible_ssh_extra_args: "-o SendEnv=LC_ALL"}
      register: sent
    - name: End as ssh does where it fails
      ansible.builtin.raw: exit 255
      ignore_unreachable: true
      register: ended
    - name: Fail to become
      ansible.builtin.command: touch ROOT/never
      become: true
      become_user: other
      vars: {ansible_become_exe: ROOT/refuses}
      register: refused
      ignore_errors: true
    - name: Keep what was told
      ansible.builtin.copy:
        dest: ROOT/told-KIND
        content: "{{ [told.stdout, told.stderr, told.rc, much.stdout | length, terminal.stdout, taken.checksum,
          closed.rc, became.stdout_lines | length, became.stdout_lines[::2],
          both.stdout, sent.stdout, ended.unreachable, refused.msg] | to_json }}"
"""
SUDO = """#!/bin/sh
echo "$2" >>ROOT/sudoed
export SUDO_COMMAND="$*"
while true; do case $1 in -u) shift 2;; -*) shift;; *) break;; esac; done
exec "$@"
"""
REFUSES = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with runs_kept_apart(tmp_path_factory) as folder:
        yield folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Sshd]:
    with sshd_hosts(folder / "sshd", "127.0.5.1", settings="AcceptEnv LC_*") as (running,):
        yield running


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a line to the returned file for each ssh that is started."""
    ssh, programs, log = shutil.which("ssh"), tmp_path / "programs", tmp_path / "started"
    programs.mkdir()
    log.touch()
    (programs / "ssh").write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {ssh} "$@"\n')
    (programs / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return log


def test_all_that_commands_tell_is_the_same_as_with_an_ssh_of_their_own(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "much").write_bytes(os.urandom(3_000_000))
    for name, text in (("sudo", SUDO), ("refuses", REFUSES)):
        (tmp_path / name).write_text(text.replace("ROOT", str(tmp_path)))
        (tmp_path / name).chmod(0o755)
    for kind in ("ssh", "own"):
        if kind == "ssh":
            monkeypatch.setenv("ANSIBLE_TRANSPORT", "ssh")
        else:
            monkeypatch.delenv("ANSIBLE_TRANSPORT")
        playbook = HEAD + MANY.replace("KIND", kind) + RESTORED
        restore(a_stage(tmp_path, {"staging-1": server.variables()}, playbook), WEB)

    by_ssh, by_us = (json.loads((tmp_path / f"told-{kind}").read_text()) for kind in ("ssh", "own"))
    assert by_us == by_ssh
    assert by_us[1:5] == ["err", 3, 3_000_000, "terminal\r\nerr\r\n"]
    assert by_us[7:12] == [3, ["one", "two"], "set C.UTF-8", " C.UTF-8", True]
    assert "password" in by_us[-1]
    assert len((tmp_path / "sudoed").read_text().splitlines()) == 2
    assert not (tmp_path / "never").exists()
    assert (tmp_path / "much-own").read_bytes() == (tmp_path / "much").read_bytes()


def test_no_ssh_is_started_where_a_connection_is_open(server: Sshd, tmp_path: Path, started: Path) -> None:
    commands = "".join(f"    - ansible.builtin.command: echo {number}\n" for number in range(9))
    stage = a_stage(tmp_path, {"staging-1": server.variables()}, HEAD + commands + RESTORED)

    restore(stage, WEB)

    asked = [line for line in started.read_text().splitlines() if "/bin/sh -c" in line]
    assert len(asked) == 2, asked  # the first command of the restore, and the first of the look after it
    assert server.log.read_text().count("Accepted publickey") >= 2


def test_where_a_home_is_is_not_asked_for_every_folder_that_ansible_makes(folder: Path, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    telling = f'echo "$SSH_ORIGINAL_COMMAND" >>{commands}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    with sshd_hosts(folder / "telling", "127.0.5.3", settings=f"ForceCommand {telling}") as (host,):
        play = HEAD.replace("  tasks:\n", "  vars: {ansible_ssh_transfer_method: piped}\n  tasks:\n")
        copy = '    - ansible.builtin.copy: {{content: "{0}", dest: "ROOT/copy-{0}"}}\n'
        play += "".join(map(copy.format, range(3))) + RESTORED
        restore(a_stage(tmp_path, {"staging-1": host.variables()}, play), WEB)

    told = commands.read_text().splitlines()
    assert sum("mkdir" in line and "ansible-tmp" in line for line in told) == 4
    asked = [line for line in told if line.startswith("/bin/sh -c 'echo ~")]
    assert len(asked) == 2, told  # once before the connection is open, once on it
    assert sum("sleep 0" in line for line in told) <= 2, told  # which is for the sake of terminals


def test_some_tasks_get_ahead_of_others_and_what_starts_them_is_not_held_up(server: Sshd, tmp_path: Path) -> None:
    play = HEAD + "".join(
        f"""
    - ansible.builtin.meta: reset_connection
    - ansible.builtin.command: "echo {{{{ lookup('ansible.builtin.pipe', 'nice') }}}}"
      loop: [before the connection is made, after it, after it]
      register: told_{number}
    - ansible.builtin.copy: {{content: "{{{{ told_{number} | to_json }}}}", dest: "ROOT/told-{number}"}}
"""
        for number in range(6)
    )
    restore(a_stage(tmp_path, {"staging-1": server.variables()}, play + RESTORED), WEB)

    told = [json.loads((tmp_path / f"told-{number}").read_text())["results"] for number in range(6)]
    levels = [[int(item["stdout"]) - os.nice(0) for item in items] for items in told]
    assert {before for before, *_ in levels} == {0}
    assert all(0 <= one == other < 12 for _, one, other in levels), levels
    assert len({one for _, one, _ in levels}) > 1, levels


def test_a_server_that_takes_no_further_command_at_once_gets_connections_of_their_own(
    folder: Path, tmp_path: Path
) -> None:
    with sshd_hosts(folder / "narrow", "127.0.5.2", settings="MaxSessions 1") as (narrow,):
        playbook = HEAD + "    - ansible.builtin.command: sleep 1\n" * 2 + RESTORED
        hosts = {f"staging-{number}": narrow.variables() for number in (1, 2, 3)}
        stage = a_stage(tmp_path, hosts, playbook)

        (result,) = restore_all(stage, (RestoreTarget("web", "1.4.0", None, "reversion/x", tuple(hosts)),))

    assert result.state == "restored"
    assert narrow.log.read_text().count("no more sessions") >= 1


def test_a_connection_that_is_lost_while_a_command_runs_is_an_unreachable_host(
    server: Sshd, folder: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    playbook = f"{HEAD}    - ansible.builtin.command: 'true'\n    - ansible.builtin.shell: touch {begun}; sleep 60\n"
    stage = a_stage(tmp_path, {"staging-1": server.variables()}, playbook)
    thread = threading.Thread(target=_lose, args=(folder, begun))
    thread.start()

    with pytest.raises(HostUnreachable, match=r"connection to host .127\.0\.5\.1. was lost while a command ran"):
        restore(stage, WEB)
    thread.join()


def _lose(folder: Path, begun: Path) -> None:
    """Close the run's connection as soon as its command has begun."""
    wait_for(begun.exists, 30, "the command to begin", every=0.05)
    (control,) = (path for path in folder.glob("reversion-run-*/cp/*") if path.is_socket())
    subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={control}", "any"], check=True, capture_output=True)


def test_nothing_of_a_connection_that_was_given_up_outlives_the_run(server: Sshd, tmp_path: Path) -> None:
    late = tmp_path / "late"
    playbook = f"""{HEAD}
    - {{ansible.builtin.shell: "sleep 20; touch {late}", timeout: 1, ignore_errors: true}}
    - ansible.builtin.meta: reset_connection
{RESTORED}"""
    stage = a_stage(tmp_path, {"staging-1": server.variables()}, playbook)

    restore(stage, WEB)

    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"{tempfile.gettempdir()}/reversion-run-" not in processes
