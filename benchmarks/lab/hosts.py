"""Hosts: an sshd each in namespaces of its own, with its own address in 198.18.0.0/24 and its own /srv, /run, /root.

They and the machine that controls them hang on one bridge, which leads nowhere else.
"""

import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab.compiling import compile_program

_BRIDGE = "lab"
_CONTROL = "198.18.0.1"
_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
_ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
_PYTHON = Path("/usr/bin/python3")
_PACKAGES = sysconfig.get_path("purelib")
_DELAY = 170
"""Milliseconds that a module's start of Python takes on a host of its own, measured with one that is real."""
_BOOT = """\
set -e
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add {address}/24 dev eth0
ip link set eth0 up
mount --bind {folder}/srv /srv
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /root
mkdir -m 755 /run/sshd
{resident}
exec {sshd} -D -e -f {keys}/{name}.conf
"""
_SETTINGS = """\
ListenAddress {address}:22
HostKey {keys}/{name}
AuthorizedKeysFile {keys}/client.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
MaxStartups 100
UseDNS no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Host:
    """One host: where it answers, where its /srv is on this machine, the process that holds its namespaces."""

    name: str
    address: str
    srv: Path
    pid: int

    def run(self, script: str) -> None:
        """Run a shell script on the host, past ssh; raise CalledProcessError."""
        init = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0]
        subprocess.run(["nsenter", "--target", init, "--all", "sh", "-euc", script], check=True, cwd="/")


@dataclass(frozen=True)
class Login:
    """What a client needs to log in to any of the hosts."""

    key: Path
    known_hosts: Path
    interpreter: Path

    def variables(self) -> str:
        """Return the Ansible variables that are the same for all hosts, as a line of YAML."""
        common = f"-o UserKnownHostsFile={self.known_hosts} -o IdentitiesOnly=yes"
        return (
            f"{{ansible_user: root, ansible_python_interpreter: {self.interpreter}, "
            f"ansible_ssh_private_key_file: {self.key}, ansible_ssh_common_args: '{common}'}}"
        )


@contextmanager
def running_hosts(folder: Path, count: int, *, is_resident: bool = False) -> Iterator[tuple[tuple[Host, ...], Login]]:
    """Run so many hosts until the block ends. To be called in a network namespace of our own.

    With `is_resident` their Python is one that stays, and each start of it waits as long as it takes elsewhere.
    """
    if not _SSHD:
        raise SystemExit("There is no sshd. Install openssh-server.")
    _ip("link", "add", _BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{_CONTROL}/24", "dev", _BRIDGE)
    _ip("link", "set", _BRIDGE, "up")
    keys = folder / "keys"
    keys.mkdir()
    python = _PYTHON
    if is_resident:
        python = compile_program("resident.c", folder / "bin" / "python3", f"-DDELAY={_DELAY}")
    login = Login(_make_key(keys / "client"), keys / "known_hosts", python)
    with ExitStack() as running:
        yield tuple(running.enter_context(_host(folder, login, n)) for n in range(1, count + 1)), login


@contextmanager
def _host(folder: Path, login: Login, number: int) -> Iterator[Host]:
    name, address, keys = f"h{number}", f"198.18.0.{number + 10}", login.key.parent
    (folder / name / "srv").mkdir(parents=True)
    public = _make_key(keys / name).with_suffix(".pub").read_text()
    with login.known_hosts.open("a") as known:
        known.write(f"{address} {public}")
    (keys / f"{name}.conf").write_text(_SETTINGS.format(address=address, keys=keys, name=name))
    program = Path(__file__).with_name("resident.py")
    resident = "" if login.interpreter == _PYTHON else f"{_PYTHON} -I {program} {_PACKAGES} &"
    boot = _BOOT.format(address=address, folder=folder / name, keys=keys, name=name, sshd=_SSHD, resident=resident)
    with (keys / f"{name}.log").open("w") as log:
        process = subprocess.Popen([*_ALONE, "sh", "-c", boot], stdout=log, stderr=log, start_new_session=True)
    try:
        _connect(process.pid, number)
        _wait_for_sshd(process, address, keys / f"{name}.log")
        yield Host(name, address, folder / name / "srv", process.pid)
    finally:
        process.kill()
        process.wait()


def _connect(pid: int, number: int) -> None:
    """Put one end of a cable into the host, the other one into the bridge."""
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == own:
        time.sleep(0.005)
    _ip("link", "add", f"to-h{number}", "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", f"to-h{number}", "master", _BRIDGE)
    _ip("link", "set", f"to-h{number}", "up")


def _wait_for_sshd(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    for _ in range(200):
        scanned = subprocess.run(["ssh-keyscan", "-T", "1", "-t", "ed25519", address], capture_output=True)
        if scanned.stdout:
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the host at {address} did not come up: {log.read_text()[-2000:]}")


def _make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
