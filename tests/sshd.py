"""Real throwaway ssh servers on loopback addresses: own host key, key login only, stopped by process id."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Sshd:
    """One running server, what a client needs to log in, and the log that the server writes."""

    address: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    log: Path

    def variables(self) -> str:
        """Return the Ansible variables of this host as a line of YAML."""
        common = f"-o UserKnownHostsFile={self.known_hosts} -o IdentitiesOnly=yes"
        return (
            f"{{ansible_host: {self.address}, ansible_port: {self.port}, ansible_user: {self.user}, "
            f"ansible_ssh_private_key_file: {self.key}, ansible_ssh_common_args: '{common}'}}"
        )


@contextmanager
def sshd_hosts(folder: Path, *addresses: str, settings: str = "") -> Iterator[tuple[Sshd, ...]]:
    """Run one server for each address, all with the same client key, until the block ends.

    `settings` are further lines for sshd_config.
    """
    folder.mkdir(parents=True, exist_ok=True)
    client = _make_key(folder / "client")
    (folder / "authorized").write_text(client.with_suffix(".pub").read_text())
    known_hosts = folder / "known_hosts"
    known_hosts.touch()
    with ExitStack() as running:
        started = []
        for number, address in enumerate(addresses):
            host_key = _make_key(folder / f"host{number}")
            port = running.enter_context(_server(folder, host_key, address, settings))
            kind, public = host_key.with_suffix(".pub").read_text().split()[:2]
            with known_hosts.open("a") as known:
                known.write(f"[{address}]:{port} {kind} {public}\n")
            log = host_key.with_suffix(".log")
            started.append(Sshd(address, port, getpass.getuser(), client, known_hosts, log))
        yield tuple(started)


@contextmanager
def _server(folder: Path, host_key: Path, address: str, further: str) -> Iterator[int]:
    assert PROGRAM, "openssh-server is not installed"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port(address)
    settings = host_key.with_suffix(".conf")
    settings.write_text(
        f"ListenAddress {address}:{port}\nHostKey {host_key}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nPidFile none\nMaxStartups 100\nSubsystem sftp internal-sftp\n"
        f"{further}\n"
    )
    log = host_key.with_suffix(".log")
    with log.open("w") as written:
        process = subprocess.Popen([PROGRAM, "-D", "-e", "-f", str(settings)], stderr=written)
    try:
        _wait(process, address, port, log)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", address: str, port: int, log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"sshd did not listen on {address}:{port}: {log.read_text()}")


def _make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port on which nothing listens at this address now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
