"""Over real ssh: hosts are restored, an unreachable one is told, and no foreign host is ever reached."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reversion.adapters.ansible_settings import surroundings
from reversion.adapters.fence import REFUSAL, build_fence
from reversion.adapters.inventory import Host, Inventory
from reversion.adapters.playbooks import configure
from reversion.adapters.probes import observe
from reversion.adapters.restores import proven, restore, restore_all
from reversion.adapters.verdicts import RestoreTarget
from reversion.errors import HostUnreachable, PlaybookFailed, ProductInvalid, is_worth_retrying
from reversion.product import Product
from tests.playing import runs_kept_apart
from tests.ssh_stage import a_stage
from tests.sshd import Sshd, free_port, sshd_hosts

pytestmark = pytest.mark.sshd

NAMES = ("staging-1", "staging-2", "staging-3")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sshd, ...]]:
    """Run staging's three hosts and, last, a host that is not staging's."""
    addresses = ("127.0.4.1", "127.0.4.2", "127.0.4.3", "127.0.6.1")
    with runs_kept_apart(tmp_path_factory) as folder, sshd_hosts(folder / "sshd", *addresses) as running:
        yield running


def staging(servers: tuple[Sshd, ...]) -> dict[str, str]:
    return {name: server.variables() for name, server in zip(NAMES, servers, strict=False)}


def web(*hosts: str) -> RestoreTarget:
    return RestoreTarget("web", "1.4.0", None, "reversion/x", hosts or NAMES)


def test_three_hosts_are_restored_and_observed_over_ssh_and_no_connection_stays(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    stage = a_stage(tmp_path, staging(servers))

    result = restore(stage, web())
    seen = observe(stage, datetime.now(UTC), ("web",))

    assert result.versions == dict.fromkeys(NAMES, "1.4.0")
    assert seen.running("web").version == "1.4.0"
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"{tempfile.gettempdir()}/reversion-run-" not in processes
    assert list(Path(tempfile.gettempdir()).glob("reversion-run-*")) == []


def test_an_unreachable_host_is_told_with_what_ssh_said_and_is_worth_a_retry(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    unknown = replace(servers[1], known_hosts=tmp_path / "nobody_known")
    gone = replace(servers[2], port=free_port("127.0.4.3"))
    hosts = zip(NAMES, (servers[0], unknown, gone), strict=True)
    stage = a_stage(tmp_path, {name: server.variables() for name, server in hosts})
    database = RestoreTarget("db", "9.1", None, "reversion/x", ("staging-3",))

    web_result, database_result = restore_all(stage, (web("staging-1"), database))
    seen = observe(stage, datetime.now(UTC), ("web",))
    with pytest.raises(HostUnreachable, match=r"db on staging-3: the host cannot be reached.*refused") as error:
        proven(database_result)

    assert (web_result.state, database_result.state) == ("restored", "unreachable")
    assert is_worth_retrying(error.value)
    assert seen.instances[0].version == "1.4.0"
    assert "the host cannot be reached: " in seen.instances[1].problem
    assert "Host key verification failed" in seen.instances[1].problem
    assert "Connection refused" in seen.instances[2].problem


DELEGATING = """
- hosts: all
  gather_facts: false
  vars: {ansible_ssh_private_key_file: KEY, ansible_user: USER}
  tasks:
    - name: Ask a host of the same environment
      ansible.builtin.command: touch ROOT/own
      delegate_to: 127.0.4.2
      vars: {ansible_port: OWN_PORT, ansible_host_key_checking: false}
    - name: Drain the load balancer of live
      ansible.builtin.command: touch ROOT/foreign
      delegate_to: 127.0.6.1
      vars: {ansible_port: FOREIGN_PORT, ansible_host_key_checking: false}
"""


def delegating(own: Sshd, foreign: Sshd) -> str:
    """Write the playbook that asks a host of the same environment, then one of another."""
    return (
        DELEGATING.replace("KEY", str(foreign.key))
        .replace("USER", foreign.user)
        .replace("OWN_PORT", str(own.port))
        .replace("FOREIGN_PORT", str(foreign.port))
    )


def test_a_playbook_cannot_reach_out_to_a_host_of_another_environment(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    own, foreign = servers[1], servers[3]
    playbook = delegating(own, foreign)
    stage = a_stage(tmp_path, staging(servers), playbook)

    with pytest.raises(PlaybookFailed) as error:
        restore(stage, web("staging-1"))
    with pytest.raises(PlaybookFailed, match=REFUSAL):
        configure(stage, "reversion/x")

    assert "web on staging-1: task 'Drain the load balancer of live' reached out" in error.value.message
    assert f"{REFUSAL} staging only" in error.value.message
    assert (tmp_path / "own").exists()
    assert not (tmp_path / "foreign").exists()
    assert "Accepted" not in foreign.log.read_text()


def test_a_play_that_sets_ssh_arguments_of_its_own_stays_behind_the_fence(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    own, foreign = servers[1], servers[3]
    ssh_arguments = "  vars: {ansible_ssh_common_args: '-o StrictHostKeyChecking=no', "
    playbook = delegating(own, foreign).replace("  vars: {", ssh_arguments)
    assert "ansible_ssh_common_args" in playbook
    stage = a_stage(tmp_path, staging(servers), playbook)

    with pytest.raises(PlaybookFailed, match="reached out"):
        restore(stage, web("staging-1"))

    assert not (tmp_path / "foreign").exists()
    assert "Accepted" not in foreign.log.read_text()


REDIRECTING = """
- hosts: reversion_targets
  gather_facts: false
  tasks:
    - name: Pretend to be elsewhere
      ansible.builtin.command: touch ROOT/foreign
      vars: {ansible_host: 127.0.6.1, ansible_port: FOREIGN_PORT, ansible_host_key_checking: false}
"""


def test_an_instance_cannot_be_redirected_to_a_host_of_another_environment(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    playbook = REDIRECTING.replace("FOREIGN_PORT", str(servers[3].port))
    stage = a_stage(tmp_path, staging(servers), playbook)

    with pytest.raises(PlaybookFailed, match=f"task 'Pretend to be elsewhere' reached out to .*{REFUSAL}"):
        restore(stage, web("staging-1"))

    assert not (tmp_path / "foreign").exists()


def test_the_products_own_ssh_configuration_and_its_jump_host_are_kept(
    servers: tuple[Sshd, ...], tmp_path: Path
) -> None:
    behind, jump = servers[2], servers[3]
    (tmp_path / "ansible.cfg").write_text(
        "[ssh_connection]\nssh_args = -F ssh.cfg -o ControlMaster=auto -o ControlPersist=60s\n"
    )
    (tmp_path / "ssh.cfg").write_text(
        f"Host 127.0.4.3\n  ProxyJump {jump.user}@127.0.6.1:{jump.port}\n"
        f"Host *\n  IdentityFile {jump.key}\n  UserKnownHostsFile {jump.known_hosts}\n"
    )
    stage = a_stage(
        tmp_path,
        {"staging-3": f"{{ansible_host: 127.0.4.3, ansible_port: {behind.port}, ansible_user: {jump.user}}}"},
    )

    result = restore(stage, web("staging-3"))

    assert result.state == "restored"
    assert "Accepted publickey" in jump.log.read_text()


def an_inventory(arguments: str) -> Inventory:
    return Inventory("staging", (Host("web", "10.0.0.1", (), f'{{"ansible_ssh_common_args": {arguments}}}'),))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param('"-F other.cfg"', "Name the file in ansible.cfg", id="a configuration of its own"),
        pytest.param('"-Fother.cfg"', "Name the file in ansible.cfg", id="the same without a space"),
        pytest.param('"-J {{ bastion }}"', "Write its name", id="a jump host by a template"),
        pytest.param('{"__ansible_vault": "x"}', "Write it as text", id="encrypted arguments"),
        pytest.param('"-o \'User=x"', "Correct their quotes", id="an open quote"),
    ],
)
def test_ssh_arguments_that_would_undo_the_fence_are_refused(tmp_path: Path, arguments: str, said: str) -> None:
    stage_free = Product.model_validate(
        {
            "product": "shop",
            "services": {"web": {"repository": "web"}},
            "environments": {"staging": {"inventory": "i", "observe": {"file": "/v"}}},
        }
    ).environment("staging")

    with pytest.raises(ProductInvalid, match=said):
        build_fence(tmp_path / "f", an_inventory(arguments), surroundings(tmp_path, stage_free))


@pytest.mark.parametrize(
    "arguments",
    [
        "-J me@jump.example:22",
        "-Jjump.example",
        "-o ProxyJump=jump.example",
        "-oProxyJump=ssh://me@jump.example:22",
        "-o 'ProxyJump jump.example'",
    ],
)
def test_a_jump_host_that_the_inventory_names_may_be_passed(tmp_path: Path, arguments: str) -> None:
    environment = Product.model_validate(
        {
            "product": "shop",
            "services": {"web": {"repository": "web"}},
            "environments": {"staging": {"inventory": "i", "observe": {"file": "/v"}}},
        }
    ).environment("staging")

    fence = build_fence(tmp_path / "f", an_inventory(f'"{arguments}"'), surroundings(tmp_path, environment))

    assert fence.text.splitlines()[0] == "Host * !10.0.0.1 !jump.example !web"
