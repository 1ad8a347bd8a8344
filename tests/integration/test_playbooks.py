"""The user's playbooks run as they are, each instance gets its own result, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reversion.adapters.inventory import read_inventory
from reversion.adapters.playbooks import check_syntax, configure
from reversion.adapters.restores import restore, restore_all
from reversion.adapters.rundir import run_directory
from reversion.adapters.stage import Stage
from reversion.adapters.verdicts import RestoreTarget
from reversion.errors import PlaybookFailed, ProductInvalid
from reversion.outcome import StepResult
from reversion.product import Product
from tests.playing import runs_kept_apart
from tests.processes import is_alive

SNAPSHOT = "reversion/staging/{{ lookup('pipe', 'touch MARK') }}"
INVENTORY = """
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    root: ROOT
  children:
    shop:
      children:
        catalog: {hosts: {staging-1: {ansible_host: 127.0.4.1}, staging-2: {ansible_host: 127.0.4.2}}}
        orders: {hosts: {staging-1: }}
"""
RESTORE = """
- name: Restore
  hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Write the version
      ansible.builtin.shell: printf %s {{ reversion_version | quote }} > {{ root }}/{{ inventory_hostname }}
"""


def a_stage(tree: Path, playbook: str = RESTORE, **settings: Any) -> Stage:
    """Build a product with the services catalog (two hosts) and orders (one), all of them on this machine."""
    files = {"inventory/hosts.yml": INVENTORY.replace("ROOT", str(tree)), "play/restore.yml": playbook}
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    services = {name: {"repository": name} for name in ("catalog", "orders")}
    services["catalog"]["variables"] = {"pool": "{{ 6 * 7 }}"}  # type: ignore[assignment]
    staging = {
        "inventory": "inventory",
        "restore": "play/restore.yml",
        "observe": {"file": "{root}/{inventory_hostname}"},
        **settings,
    }
    product = Product.model_validate({"product": "shop", "services": services, "environments": {"staging": staging}})
    environment = product.environment("staging")
    return Stage(tree, product, environment, read_inventory(tree, environment))


def catalog(version: str = "1.4.0", *hosts: str) -> RestoreTarget:
    return RestoreTarget("catalog", version, "a" * 40, SNAPSHOT, hosts or ("staging-1", "staging-2"))


def orders(version: str = "2.0") -> RestoreTarget:
    return RestoreTarget("orders", version, None, SNAPSHOT, ("staging-1",))


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep these tests' runs apart from all others on this machine; a socket's path must stay short."""
    with runs_kept_apart(tmp_path_factory) as folder:
        yield folder


def left_behind() -> list[str]:
    """List the runs' directories, and the processes that belong to one."""
    runs = Path(tempfile.gettempdir())
    found = [str(path) for path in runs.glob("reversion-run-*")]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(runs / "reversion-run-") in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


TELLING = """
- name: Tell what a role sees
  hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Write all of it down
      ansible.builtin.copy:
        dest: "{{ root }}/{{ inventory_hostname }}.json"
        content: >-
          {{ {'service': reversion_service, 'host': reversion_host, 'environment': reversion_environment,
              'version': reversion_version, 'commit': reversion_commit, 'snapshot': reversion_snapshot,
              'address': ansible_host, 'pool': pool | default(''), 'url': url, 'password': password,
              'literal': literal, 'beside': beside, 'groups': group_names, 'known': groups['all'],
              'key': lookup('env', 'PREFECT_API_KEY'), 'passed': lookup('env', 'DEPLOY_REGION'),
              'byte code': lookup('env', 'PYTHONDONTWRITEBYTECODE')} | to_json }}
- name: Restore one service only
  hosts: catalog
  gather_facts: false
  tasks:
    - name: Write the version
      ansible.builtin.shell: printf %s {{ reversion_version | quote }} > {{ root }}/{{ inventory_hostname }}
- hosts: orders
  gather_facts: false
  tasks:
    - name: Write the version
      ansible.builtin.shell: printf %s {{ reversion_version | quote }} > {{ root }}/{{ inventory_hostname }}
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run one playbook that writes down what it sees; return that by alias, the results, and the lines said."""
    tree = tmp_path_factory.mktemp("told")
    (tree / "password").write_text("open sesame")
    (tree / "ansible.cfg").write_text("[defaults]\nvault_password_file = password\n")
    encrypted = subprocess.run(
        [Path(sys.executable).parent / "ansible-vault", "encrypt_string", "hunter2", "--name", "password"],
        env={**os.environ, "ANSIBLE_VAULT_PASSWORD_FILE": str(tree / "password")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name, text in {
        "inventory/group_vars/shop.yml": 'url: "http://{{ ansible_host }}:{{ app_port }}"\napp_port: 8080\n'
        'literal: !unsafe "{{ 1 + 1 }} \u00e9\u2713\U0001f6d2"\n' + encrypted,
        "play/group_vars/shop.yml": "beside: '{{ reversion_service }} beside the playbook'\n",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    said: list[str] = []
    with pytest.MonkeyPatch.context() as worker:
        worker.setenv("PREFECT_API_KEY", "pnu_secret")
        worker.setenv("DEPLOY_REGION", "north")
        worker.setenv("REVERSION_PASS_ENVIRONMENT", "DEPLOY_REGION")
        worker.setenv("PYTHONDONTWRITEBYTECODE", "1")
        stage = replace(a_stage(tree, TELLING), say=lambda _host, line: said.append(line))
        results = restore_all(stage, (catalog(), orders("1.10")))
    seen = {path.stem: json.loads(path.read_text()) for path in tree.glob("*.json")}
    return {**seen, "results": results, "said": said, "tree": tree, "inventory": stage.inventory}


def test_each_service_has_its_own_result_with_the_version_seen_on_each_host(told: dict[str, Any]) -> None:
    results = [result.model_copy(update={"seconds": 0.0}) for result in told["results"]]

    assert results == [
        StepResult(
            service="catalog",
            state="restored",
            version="1.4.0",
            versions={"staging-1": "1.4.0", "staging-2": "1.4.0"},
        ),
        StepResult(service="orders", state="restored", version="1.10", versions={"staging-1": "1.10"}),
    ]


def test_a_role_sees_service_host_environment_version_commit_and_address(told: dict[str, Any]) -> None:
    seen = told["catalog@staging-2"]

    assert {name: seen[name] for name in ("service", "host", "environment", "version", "commit", "address")} == {
        "service": "catalog",
        "host": "staging-2",
        "environment": "staging",
        "version": "1.4.0",
        "commit": "a" * 40,
        "address": "127.0.4.2",
    }


def test_a_version_that_looks_like_a_number_is_text(told: dict[str, Any]) -> None:
    assert told["orders@staging-1"]["version"] == "1.10"


def test_text_from_a_snapshot_and_the_product_file_is_never_templated(told: dict[str, Any]) -> None:
    assert told["orders@staging-1"]["snapshot"] == SNAPSHOT
    assert told["catalog@staging-1"]["pool"] == "{{ 6 * 7 }}"


def test_variables_of_the_inventory_keep_their_meaning(told: dict[str, Any]) -> None:
    seen = told["catalog@staging-1"]

    assert seen["url"] == "http://127.0.4.1:8080"
    assert seen["literal"] == "{{ 1 + 1 }} \u00e9\u2713\U0001f6d2"
    assert seen["beside"] == "catalog beside the playbook"


def test_an_encrypted_variable_stays_encrypted_until_the_playbook_uses_it(told: dict[str, Any]) -> None:
    assert told["catalog@staging-1"]["password"] == "hunter2"
    assert "hunter2" not in told["inventory"].host("staging-1").variables


def test_an_alias_is_in_its_hosts_groups_but_not_in_another_services(told: dict[str, Any]) -> None:
    assert sorted(told["catalog@staging-1"]["groups"]) == ["catalog", "reversion_targets", "shop"]
    assert sorted(told["orders@staging-1"]["groups"]) == ["orders", "reversion_targets", "shop"]


def test_nothing_but_the_instances_can_be_named(told: dict[str, Any]) -> None:
    assert sorted(told["orders@staging-1"]["known"]) == [
        "catalog@staging-1",
        "catalog@staging-2",
        "orders@staging-1",
    ]


def test_a_playbook_sees_of_the_workers_environment_only_what_it_is_given(told: dict[str, Any]) -> None:
    seen = told["catalog@staging-1"]

    assert (seen["key"], seen["passed"], seen["byte code"]) == ("", "north", "")


def test_each_result_is_said_as_a_line_for_people(told: dict[str, Any]) -> None:
    assert "catalog@staging-1: changed: Write the version" in told["said"]
    assert "orders@staging-1: runs 1.10" in told["said"]


FAILING = """
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Look at something that may be missing
      ansible.builtin.command: "false"
      ignore_errors: true
    - block:
        - ansible.builtin.command: "false"
      rescue:
        - ansible.builtin.debug: {msg: rescued}
    - name: Hide the password
      ansible.builtin.command: sh -c 'echo hunter2 >&2; exit 1'
      no_log: true
      when: reversion_service == 'orders'
    - name: Migrate the database
      ansible.builtin.command:
        argv: [sh, -c, "printf '\\\\033[31mdisk full\\\\033[0m\\\\n<b>at https://bo:pw@db/x</b>' >&2; exit 9"]
      when: inventory_hostname == 'catalog@staging-2'
    - name: Write another version
      ansible.builtin.shell: printf 1.3.9 > {{ root }}/{{ inventory_hostname }}
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StepResult]:
    stage = a_stage(tmp_path_factory.mktemp("failed"), FAILING)
    again = replace(
        stage,
        product=stage.product.model_copy(
            update={
                "services": {
                    **stage.product.services,
                    "search": stage.product.service("catalog").model_copy(update={"name": "search"}),
                }
            }
        ),
    )
    search = RestoreTarget("search", "1.3.9", None, "", ("staging-1",))
    return {result.service: result for result in restore_all(again, (catalog(), orders(), search))}


def test_a_service_fails_alone_while_others_of_the_same_run_succeed(failed: dict[str, StepResult]) -> None:
    states = {name: result.state for name, result in failed.items()}

    assert states == {"catalog": "failed", "orders": "failed", "search": "restored"}


def test_a_failure_names_service_host_task_and_what_the_command_said_made_plain(
    failed: dict[str, StepResult],
) -> None:
    assert (
        "catalog on staging-2: task 'Migrate the database' failed: non-zero return code: "
        "disk full <b>at https://db/x</b>"
    ) in failed["catalog"].message


def test_another_version_running_after_the_restore_is_a_failure(failed: dict[str, StepResult]) -> None:
    assert "catalog on staging-1: the playbook ran, but 1.3.9 runs, not the wanted 1.4.0" in failed["catalog"].message
    assert failed["catalog"].versions == {"staging-1": "1.3.9"}


def test_what_no_log_hides_stays_hidden(failed: dict[str, StepResult]) -> None:
    message = failed["orders"].message

    assert message == "orders on staging-1: task 'Hide the password' failed: its output is hidden (no_log)"


def test_a_playbook_that_touches_no_instance_is_a_failure_though_ansible_calls_it_a_success(
    tmp_path: Path,
) -> None:
    stage = a_stage(tmp_path, RESTORE.replace("reversion_targets", "webservers"))
    for alias in ("catalog@staging-1", "catalog@staging-2"):
        (tmp_path / alias).write_text("1.4.0")

    with pytest.raises(PlaybookFailed, match=r"restore\.yml touched no instance of it.*reversion_targets"):
        restore(stage, catalog())


def test_a_broken_playbook_is_told_with_its_place_and_leaves_nothing_behind(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, "- hosts: all\n  tasks:\n    - no_such_module_at_all: {}\n")

    with pytest.raises(PlaybookFailed, match=r"no_such_module_at_all.*The playbook is the snapshot's"):
        restore(stage, orders())
    with pytest.raises(ProductInvalid, match=r"environments\.staging\.restore.* play/restore\.yml:3"):
        check_syntax(stage)
    assert left_behind() == []


def test_a_playbook_that_is_right_passes_the_check(tmp_path: Path) -> None:
    check_syntax(a_stage(tmp_path))


def test_a_missing_playbook_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProductInvalid, match=r"staging\.restore: there is no play/gone\.yml"):
        restore(a_stage(tmp_path, restore="play/gone.yml"), orders())


def test_a_host_that_the_inventory_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProductInvalid, match="has no host 'live-1'"):
        restore(a_stage(tmp_path), catalog("1.4.0", "live-1"))


def test_a_service_asked_for_twice_in_one_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProductInvalid, match="orders@staging-1 would stand for two hosts"):
        restore_all(a_stage(tmp_path), (orders("1.0"), orders("2.0")))


def test_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    stages = [a_stage(tmp_path / name) for name in ("one", "two")]
    versions = ["1.0", "2.0"]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(restore, stages, map(catalog, versions)))

    assert [result.versions["staging-2"] for result in results] == versions
    assert [(tmp_path / name / "catalog@staging-2").read_text() for name in ("one", "two")] == versions


SLOW = """
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Start the service for good
      ansible.builtin.shell: nohup sleep 61 > /dev/null 2>&1 & echo $! > {{ root }}/service
    - name: Wait for ever
      ansible.builtin.command: sleep 62
"""


@pytest.mark.parametrize("way", ["timeout", "cancelled"])
def test_a_run_that_is_stopped_ends_its_tasks_but_not_the_services_it_started(tmp_path: Path, way: str) -> None:
    service = tmp_path / "service"
    stage = a_stage(tmp_path, SLOW, restore_timeout=5 if way == "timeout" else 60)
    if way == "cancelled":
        stage = replace(stage, cancelled=service.exists)
    began = time.monotonic()
    handlers = signal.getsignal(signal.SIGTERM)

    with pytest.raises(PlaybookFailed, match="not done within 5 seconds" if way == "timeout" else "cancelled"):
        restore(stage, orders())

    process = int(service.read_text())
    try:
        assert time.monotonic() - began < 30
        assert is_alive(process)
        assert [left for left in left_behind() if left != "sleep 61 "] == []
        assert signal.getsignal(signal.SIGTERM) is handlers
    finally:
        os.kill(process, signal.SIGKILL)


def kill_in_the_middle(tree: Path, *, with_watchdog: bool) -> None:
    """Kill, without a warning, a process whose playbook is at work, and before that its watchdog if wanted."""
    here = str(Path(__file__).parent)
    code = (
        f"import sys; sys.path[:0] = [{here!r}]; from pathlib import Path; import test_playbooks as t;"
        f"t.restore(t.a_stage(Path({str(tree)!r}), t.SLOW), t.orders())"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as worker:
        for _ in range(600):
            if (tree / "service").is_file() and any("sleep 62" in left for left in left_behind()):
                break
            time.sleep(0.05)
        if with_watchdog:
            children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
            dogs = [int(pid) for pid in children if b"watchdog" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            assert len(dogs) == 1
            os.kill(dogs[0], signal.SIGKILL)
        worker.kill()


def only_the_service_is_left() -> bool:
    return [left for left in left_behind() if left != "sleep 61 "] == []


def test_what_a_killed_process_left_running_is_ended_at_once(tmp_path: Path) -> None:
    kill_in_the_middle(tmp_path, with_watchdog=False)
    try:
        end = time.monotonic() + 20
        while not only_the_service_is_left() and time.monotonic() < end:
            time.sleep(0.1)

        assert only_the_service_is_left()
        assert is_alive(int((tmp_path / "service").read_text()))
    finally:
        os.kill(int((tmp_path / "service").read_text()), signal.SIGKILL)


def test_what_was_killed_together_with_its_watchdog_is_ended_by_the_next_run(tmp_path: Path) -> None:
    kill_in_the_middle(tmp_path, with_watchdog=True)
    assert any("ansible-playbook" in left for left in left_behind())
    for path in Path(tempfile.gettempdir()).glob("reversion-run-*"):
        os.utime(path, (1, 1))
    try:
        with run_directory():
            pass

        assert only_the_service_is_left()
    finally:
        os.kill(int((tmp_path / "service").read_text()), signal.SIGKILL)


CONFIGURE = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Render the proxy
      ansible.builtin.copy:
        content: "{{ reversion_environment }} {{ reversion_snapshot }} {{ groups['catalog'] | join(' ') }}"
        dest: "{{ root }}/{{ inventory_hostname }}.conf"
    - name: Fail where asked
      ansible.builtin.fail: {msg: "no space left"}
      when: reversion_snapshot == 'broken' and inventory_hostname == 'staging-2'
"""


def test_the_environment_is_configured_on_its_real_hosts(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, configure="play/configure.yml")
    (tmp_path / "play/configure.yml").write_text(CONFIGURE)

    configure(stage, SNAPSHOT)

    written = (tmp_path / "staging-2.conf").read_text()
    assert written == f"staging {SNAPSHOT} staging-1 staging-2"
    with pytest.raises(PlaybookFailed, match="staging-2: task 'Fail where asked' failed: no space left"):
        configure(stage, "broken")


def test_a_service_must_not_redirect_ansible(tmp_path: Path) -> None:
    stage = a_stage(tmp_path)
    bent = stage.product.service("orders").model_copy(update={"variables": {"ansible_host": "10.0.0.1"}})
    product = stage.product.model_copy(update={"services": {"orders": bent}})

    with pytest.raises(ProductInvalid, match="'ansible_host' is reserved"):
        restore(replace(stage, product=product), orders())
