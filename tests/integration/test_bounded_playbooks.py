"""Whatever a playbook or a host does: the run ends in time, takes no memory of ours, and says what stopped it."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.fence import build_fence
from reversion.adapters.inventory import read_inventory
from reversion.adapters.restores import restore_all
from reversion.adapters.stage import Stage
from reversion.adapters.verdicts import RestoreTarget
from reversion.operations.trees import unpacked
from reversion.operations.workspace import Workspace
from reversion.outcome import StepResult
from reversion.product import Product
from tests.playing import runs_kept_apart
from tests.sshd import sshd_hosts

LOCAL = '{ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}'
WRITE = """\
- name: Write the version
  ansible.builtin.shell: printf %s {{ reversion_version | quote }} > {{ root }}/{{ inventory_hostname }}
"""


def a_stage(tree: Path, tasks: str, *, play: str = "", hosts: dict[str, str] | None = None, **settings: Any) -> Stage:
    """Build a product with a service for each host (default: orders, on this machine) and these restore tasks."""
    listed = {"orders": LOCAL} if hosts is None else hosts
    groups = "".join(f"    {name}: {{hosts: {{on-{name}: {variables}}}}}\n" for name, variables in listed.items())
    body = textwrap.indent(textwrap.dedent(tasks) + WRITE, "    ")
    files = {
        "inventory.yml": f"all:\n  vars: {{root: {tree}}}\n  children:\n{groups}",
        "restore.yml": f"- hosts: reversion_targets\n  gather_facts: false\n{play}  tasks:\n{body}",
    }
    for name, text in files.items():
        (tree / name).write_text(text)
    staging = {
        "inventory": "inventory.yml",
        "restore": "restore.yml",
        "observe": {"file": "{root}/{inventory_hostname}"},
        "restore_timeout": 60,
        **settings,
    }
    services = {name: {"repository": name} for name in listed}
    product = Product.model_validate({"product": "shop", "services": services, "environments": {"staging": staging}})
    environment = product.environment("staging")
    return Stage(tree, product, environment, read_inventory(tree, environment))


def restored(stage: Stage) -> dict[str, StepResult]:
    """Restore all services of the stage in one run."""
    targets = [RestoreTarget(name, "2.0", None, "reversion/x", (f"on-{name}",)) for name in stage.product.services]
    return {result.service: result for result in restore_all(stage, tuple(targets))}


def message_of(stage: Stage) -> str:
    result = restored(stage)["orders"]
    assert result.state == "failed"
    return result.message


@pytest.fixture(autouse=True)
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep these tests' runs in a folder of their own, which must be gone after each, with no process left."""
    with runs_kept_apart(tmp_path_factory) as folder:
        yield folder
        assert processes(folder) == {}
        assert list(folder.glob("reversion-*")) == []


def processes(folder: Path) -> dict[int, str]:
    """Return the processes, the oldest first, that were started with this folder for temporary files."""
    found = {}
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda entry: int(entry.name)):
        with contextlib.suppress(OSError):
            if f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def peak() -> int:
    """Return the most memory that this process has ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextlib.contextmanager
def largest(folder: Path) -> Iterator[list[int]]:
    """Measure, while the block runs, how many bytes the folder holds at most."""
    most = [0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            sizes = []
            with contextlib.suppress(OSError):  # what is there now may be gone at the next look
                for path in folder.rglob("*"):
                    with contextlib.suppress(OSError):
                        sizes.append(path.lstat().st_size)
            most[0] = max(most[0], sum(sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        is_over.set()
        watcher.join()


def test_100_mb_that_a_task_prints_take_neither_memory_nor_disk(tmp_path: Path, runs: Path) -> None:
    stage = a_stage(tmp_path, "- ansible.builtin.debug: {msg: \"{{ 'x' * 100000000 }}\"}\n")
    before = peak()

    with largest(runs) as most:
        result = restored(stage)["orders"]

    assert result.state == "restored"
    assert peak() - before < 100
    assert most[0] < 5_000_000


NOISY = """
import sys
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "noisy"
    def v2_playbook_on_play_start(self, play):
        sys.__stdout__.write("x" * 10_000_000)
        sys.__stdout__.write("\\n" + "a line\\n" * 1_000)
"""


def test_what_plugins_of_the_product_print_without_end_takes_no_memory(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, "")
    (tmp_path / "callback_plugins").mkdir()
    (tmp_path / "callback_plugins/noisy.py").write_text(NOISY)
    before = peak()

    result = restored(stage)["orders"]

    assert result.state == "restored"
    assert peak() - before < 25


def test_of_a_result_that_is_too_large_the_reason_is_still_told_unless_no_log_hides_it(tmp_path: Path) -> None:
    noise = "yes hunter2 | head -c 1500000; echo; echo table is locked; exit 3"
    tasks = f"""
        - {{name: Migrate, ansible.builtin.shell: "{noise}", when: reversion_service == 'orders'}}
        - {{name: Migrate, ansible.builtin.shell: "{noise}", no_log: true, when: reversion_service == 'web'}}
        """
    results = restored(a_stage(tmp_path, tasks, hosts={"orders": LOCAL, "web": LOCAL}))

    message = results["orders"].message
    assert message.startswith("orders on on-orders: task 'Migrate' failed: non-zero return code: ")
    assert message.endswith("table is locked")
    assert len(message) < 600
    assert results["web"].message == "web on on-web: task 'Migrate' failed: its output is hidden (no_log)"


def test_a_command_that_fails_without_a_word_is_told_with_its_return_code(tmp_path: Path) -> None:
    tasks = '- {name: Migrate, ansible.builtin.command: sh -c "exit 3"}\n'
    assert message_of(a_stage(tmp_path, tasks)) == (
        "orders on on-orders: task 'Migrate' failed: non-zero return code 3, and nothing was printed"
    )


@pytest.mark.parametrize(
    ("tasks", "play", "told"),
    [
        pytest.param(
            "",
            "  vars_prompt: [{name: region, prompt: Which region}]\n",
            "the playbook asks for the variable 'region' (vars_prompt), and nobody is there to answer",
            id="for a variable",
        ),
        pytest.param(
            "- {name: Wait for the go, pause: {prompt: Go on}}\n",
            "",
            "task 'Wait for the go' waits for somebody to press a key, and nobody is there to answer",
            id="for a key",
        ),
    ],
)
def test_a_playbook_that_asks_is_ended_at_once_and_it_is_told_for_what(
    tasks: str, play: str, told: str, tmp_path: Path
) -> None:
    began = time.monotonic()

    message = message_of(a_stage(tmp_path, tasks, play=play))

    assert told in message
    assert time.monotonic() - began < 30


def test_a_pause_for_some_seconds_is_no_question_and_passwords_are_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nask_vault_pass = True\nask_pass = True\n[privilege_escalation]\nbecome_ask_pass = True\n"
    )
    stage = a_stage(tmp_path, "- ansible.builtin.pause: {seconds: 1, prompt: Letting the queue drain}\n")

    assert restored(stage)["orders"].state == "restored"


HANGING = """
- name: Ignore SIGTERM
  ansible.builtin.shell: "trap '' TERM INT; while :; do sleep 1; done"
  when: reversion_service == 'a'
- {name: Look up, ansible.builtin.debug: {msg: "{{ lookup('pipe', 'sleep 600') }}"}, when: reversion_service == 'b'}
- {name: Stay behind, ansible.builtin.command: sleep 600, async: 600, poll: 1, when: reversion_service == 'c'}
- name: Never be right
  ansible.builtin.command: "false"
  register: answer
  until: answer is succeeded
  retries: 9999
  when: reversion_service == 'd'
- {name: Fail, ansible.builtin.shell: "echo disk is broken >&2; exit 1", when: reversion_service == 'e'}
"""


def test_a_run_that_never_ends_is_ended_at_its_timeout_and_what_failed_before_is_still_told(tmp_path: Path) -> None:
    hosts = dict.fromkeys("abcde", LOCAL)
    stage = a_stage(tmp_path, HANGING, play="  strategy: free\n", hosts=hosts, restore_timeout=10)
    began = time.monotonic()

    results = restored(stage)

    assert time.monotonic() - began < 30
    assert {result.state for result in results.values()} == {"failed"}
    assert all("within 10 seconds" in result.message for result in results.values())
    assert "task 'Fail' failed: non-zero return code: disk is broken" in results["e"].message


@contextlib.contextmanager
def relay(to: tuple[str, int] | None, address: str) -> Iterator[tuple[int, threading.Event]]:
    """Accept connections at the address, and pass them on until the event is set; without `to` never say a word."""
    frozen = threading.Event()
    opened: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not frozen.is_set():
                    target.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                opened.append(near)
                if to:
                    far = socket.create_connection(to)
                    opened.append(far)
                    for ends in ((near, far), (far, near)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], frozen
        listener.shutdown(socket.SHUT_RDWR)
    for each in opened:
        each.close()


@pytest.mark.sshd
def test_a_host_that_takes_connections_and_never_speaks_is_unreachable(tmp_path: Path) -> None:
    with relay(None, "127.0.4.7") as (port, _):
        (tmp_path / "ansible.cfg").write_text("[defaults]\ntimeout = 2\n")
        stage = a_stage(tmp_path, "", hosts={"orders": f"{{ansible_host: 127.0.4.7, ansible_port: {port}}}"})
        began = time.monotonic()

        result = restored(stage)["orders"]

    assert result.state == "unreachable"
    assert "orders on on-orders: the host cannot be reached: " in result.message
    assert "timed out" in result.message
    assert time.monotonic() - began < 30


@pytest.mark.sshd
def test_a_host_that_goes_away_in_the_middle_of_a_task_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text(
        "[ssh_connection]\nssh_args = -o ControlPersist=60s -o ServerAliveInterval=1 -o ServerAliveCountMax=2\n"
    )
    with (
        sshd_hosts(tmp_path / "sshd", "127.0.4.8") as (server,),
        relay((server.address, server.port), "127.0.4.8") as (port, frozen),
    ):
        variables = server.variables().replace(f"ansible_port: {server.port}", f"ansible_port: {port}")
        variables = variables.replace("UserKnownHostsFile", "StrictHostKeyChecking=no -o UserKnownHostsFile")
        variables = variables.replace("}", ", ansible_python_interpreter: /usr/bin/python3}")
        leave = f"- {{name: Leave, ansible.builtin.shell: 'touch {tmp_path}/gone; sleep 3'}}\n"
        stage = a_stage(tmp_path, leave, hosts={"orders": variables})
        threading.Thread(target=_when_there, args=(tmp_path / "gone", frozen.set), daemon=True).start()

        result = restored(stage)["orders"]

    assert frozen.is_set(), result.message
    assert result.state == "unreachable"
    assert "orders on on-orders: the host cannot be reached: " in result.message


def test_a_host_that_goes_away_is_noticed_within_a_minute_unless_the_product_says_otherwise(tmp_path: Path) -> None:
    def keeping_alive(configured: str) -> list[str]:
        (tmp_path / "own").write_text(configured)
        (tmp_path / "ansible.cfg").write_text(f"[ssh_connection]\nssh_args = -F {tmp_path}/own\n")
        stage = a_stage(tmp_path, "", hosts={"orders": "{ansible_host: 127.0.4.9}"})
        fence = build_fence(tmp_path / "fence", stage.inventory, surroundings(tmp_path, stage.environment))
        fence.path.write_text(fence.text)
        told = subprocess.run(
            ["ssh", "-G", "-F", fence.path, "127.0.4.9"], capture_output=True, text=True, check=True
        )
        return [line.split()[1] for line in told.stdout.splitlines() if line.startswith("serveralive")]

    assert sorted(keeping_alive("")) == ["15", "4"]
    assert sorted(keeping_alive("Host *\n  ServerAliveInterval 90\n")) == ["4", "90"]


def _when_there(path: Path, then: Any) -> None:
    for _ in range(600):
        if path.exists():
            then()
            return
        time.sleep(0.05)


@pytest.mark.parametrize("whole", [False, True], ids=["its first process", "all of its processes"])
def test_ansible_killed_in_the_middle_is_told_and_nothing_goes_on(whole: bool, tmp_path: Path, runs: Path) -> None:
    stage = a_stage(tmp_path, f"- {{name: Begin, ansible.builtin.shell: 'touch {tmp_path}/begun; sleep 600'}}\n")

    def kill() -> None:
        ansible = [process for process, command in processes(runs).items() if "ansible-playbook" in command]
        for process in ansible if whole else ansible[:1]:
            os.kill(process, signal.SIGKILL)

    threading.Thread(target=_when_there, args=(tmp_path / "begun", kill), daemon=True).start()

    result = restored(stage)["orders"]

    assert result.state == "interrupted", "which is worth a retry"
    assert "Ansible was killed before it was done" in result.message
    assert processes(runs) == {}


FULL = """
import os, resource, sys
from pathlib import Path
from reversion.errors import WorldFailed
from reversion.operations.workspace import open_workspace
from tests.small_product import make_small_product
from tests.integration import test_bounded_playbooks as t
tree = Path(sys.argv[1])
stage = t.a_stage(tree, "")
workspace = open_workspace(os.fspath(make_small_product(tree / "small").product))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for act in (lambda: t.restored(stage), lambda: t.unpack(workspace)):
    try:
        act()
    except WorldFailed as error:
        print(error)
"""


def unpack(workspace: Workspace) -> None:
    with unpacked(workspace, workspace.head):
        raise AssertionError("There was room.")


def test_a_disk_that_takes_no_more_is_told_with_what_to_do(tmp_path: Path, runs: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL, os.fspath(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    first, second = ended.stdout.splitlines()
    assert first == (
        f"A run of Ansible could not be prepared in {runs}: File too large. "
        "Make room there, or name another disk for the worker with TMPDIR."
    )
    assert "File too large" in second
    assert "Make room there" in second


@pytest.mark.parametrize(("configured", "seconds"), [("", "0.02"), ("internal_poll_interval = 0.3\n", "0.3")])
def test_ansible_looks_seldom_at_what_it_has_begun_unless_the_product_says_how_often(
    configured: str, seconds: str, tmp_path: Path
) -> None:
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\n{configured}")
    (tmp_path / "filter_plugins").mkdir()
    (tmp_path / "filter_plugins" / "asked.py").write_text(
        "from ansible import constants\n"
        "class FilterModule:\n"
        "    def filters(self):\n"
        "        return {'polled': lambda _: constants.DEFAULT_INTERNAL_POLL_INTERVAL}\n"
    )
    task = '- ansible.builtin.fail: {msg: "every {{ 0 | polled }} s"}\n'
    assert f"every {seconds} s" in message_of(a_stage(tmp_path, task))


def test_services_pinned_to_their_place_are_done_before_the_next_begin(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 2\n")
    hosts = dict.fromkeys(("cart", "orders", "stock", "search"), LOCAL)
    note = "echo {} {{{{ reversion_service }}}} >> {{{{ root }}}}/notes"
    begin, end = (f"- ansible.builtin.shell: {note.format(word)}\n" for word in ("begin", "end"))
    stage = a_stage(tmp_path, begin + end, play="  strategy: host_pinned\n", hosts=hosts)
    assert {result.state for result in restored(stage).values()} == {"restored"}
    under_way: set[str] = set()
    most = 0
    for line in (tmp_path / "notes").read_text().splitlines():
        word, service = line.split()
        under_way.symmetric_difference_update({service})
        assert (service in under_way) == (word == "begin")
        most = max(most, len(under_way))
    assert most <= 2
