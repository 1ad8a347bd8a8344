"""An SSH server for each of the shop's hosts, run by whoever runs the shop, with keys of its own.

    python -m examples.shop.hosts start DIRECTORY [ENVIRONMENT ...]

`examples.shop.environments stop` ends them too.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from textwrap import dedent

from examples.shop.layout import ENVIRONMENTS, Host, Shop, hosts, open_shop

PRIVILEGE_SEPARATION = Path("/run/sshd")


def make_keys(shop: Shop) -> None:
    """Make one key pair for the hosts and one for Ansible, and write down the hosts as known."""
    folder = shop.directory / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host_key", "key"):
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name))
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder / "authorized_keys").write_text((folder / "key.pub").read_text())
    kind, key, *_ = (folder / "host_key.pub").read_text().split()
    addresses = (host.address for environment in ENVIRONMENTS for host in hosts(environment))
    known = "".join(f"[{address}]:{shop.ssh_port} {kind} {key}\n" for address in addresses)
    (folder / "known_hosts").write_text(known)


def start(shop: Shop, environments: tuple[str, ...] = ENVIRONMENTS) -> None:
    """Start the environments' SSH servers and wait until they listen."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("There is no sshd on this machine. Install openssh-server, or leave --ssh out.")
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    (shop.directory / "run").mkdir(exist_ok=True)
    wanted = [host for environment in environments for host in hosts(environment)]
    for host in wanted:
        _start(shop, host, program)
    for host in wanted:
        _wait(shop, host)


def _start(shop: Shop, host: Host, program: str) -> None:
    configuration = shop.directory / "ssh" / f"sshd-{host.name}"
    configuration.write_text(_configuration(shop, host))
    with (shop.directory / "ssh" / f"{host.name}.log").open("ab") as log:
        subprocess.Popen(
            (program, "-D", "-e", "-f", str(configuration)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def _configuration(shop: Shop, host: Host) -> str:
    keys = shop.directory / "ssh"
    return dedent(f"""\
        ListenAddress {host.address}:{shop.ssh_port}
        HostKey {keys}/host_key
        AuthorizedKeysFile {keys}/authorized_keys
        PidFile {_pid_file(shop, host)}
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        UsePAM no
        StrictModes no
        PermitRootLogin prohibit-password
        MaxStartups 100
        MaxSessions 50
        AllowTcpForwarding no
        X11Forwarding no
        """)


def _wait(shop: Shop, host: Host) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((host.address, shop.ssh_port), timeout=1):
            return
        time.sleep(0.05)
    log = shop.directory / "ssh" / f"{host.name}.log"
    raise SystemExit(f"The SSH server of {host.name} does not start: {log.read_text()[-500:]}")


def _pid_file(shop: Shop, host: Host) -> Path:
    return shop.directory / "run" / f"sshd-{host.name}.pid"


def main() -> None:
    parser = argparse.ArgumentParser(description="Start the SSH servers of the example shop's hosts.")
    parser.add_argument("action", choices=("start",))
    parser.add_argument("directory", type=Path)
    parser.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help=", ".join(ENVIRONMENTS))
    given = parser.parse_args()
    start(open_shop(given.directory), tuple(given.environments) or ENVIRONMENTS)


if __name__ == "__main__":
    main()
