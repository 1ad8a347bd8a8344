"""The SSH fence: whatever a playbook asks for, only the environment's own hosts are reached.

It is an ssh configuration file, generated for each run, which lets nothing but the environment's addresses
and their jump hosts through and includes the configuration that would have been used without it. Connections
that don't go through the `ssh` program (local, cloud APIs) are outside of it.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from reversion.adapters.ansible_settings import Surroundings
from reversion.adapters.inventory import Inventory
from reversion.errors import ProductInvalid
from reversion.text import plain

REFUSAL = "Reversion lets this run reach hosts of environment"
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
_SETTINGS = (
    ("ANSIBLE_SSH_ARGS", "ssh_connection.ssh_args"),
    ("ANSIBLE_SSH_COMMON_ARGS", "ssh_connection.ssh_common_args"),
    ("ANSIBLE_SSH_EXTRA_ARGS", "ssh_connection.ssh_extra_args"),
)
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,255}")
_PROGRAM = """\
#!/bin/sh
# Where the connection fails, Ansible still sends its module; if nobody took it, Ansible would tell of the broken
# pipe and not of what ssh said. With become it sends nothing, and does not say so: hence the two seconds.
exec 3<&0
trap 'kill $! || exit 143' TERM INT HUP
{program} -F {fence} "$@" <&3 3<&- &
wait $!
ended=$?
if [ $ended = 255 ] && [ -p /dev/stdin ]; then
    exec >/dev/null 2>&1
    timeout 2 cat <&3
fi
exit $ended
"""


@dataclass(frozen=True)
class Fence:
    """The text of the configuration file and where it is to be written."""

    path: Path
    text: str

    def arguments(self, own: str = "") -> str:
        """Return the value for `ssh_common_args`: the fence, then what was there before."""
        return f"-F {shlex.quote(str(self.path))} {own}".rstrip()

    def write_programs(self, folder: Path, path: str) -> None:
        """Write an ssh, scp and sftp for the front of PATH that stand behind the fence whatever a play says."""
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in ("ssh", "scp", "sftp"):
            if found := shutil.which(name, path=path):
                program = folder / name
                text = _PROGRAM.format(program=shlex.quote(found), fence=shlex.quote(str(self.path)))
                program.write_text(text)
                program.chmod(0o700)


def build_fence(path: Path, inventory: Inventory, around: Surroundings) -> Fence:
    """Build the fence from the inventory's addresses and from every jump host that is named anywhere.

    Raise ProductInvalid for ssh arguments that would undo it, or that name a jump host by a template.
    """
    settings = [around.setting(*setting) or "" for setting in _SETTINGS]
    written = [_split(setting, "ansible.cfg") for setting in settings]
    own = [_split(text, host) for host, text in _host_arguments(inventory)]
    if any(_configuration_files(words) for words in own):
        raise ProductInvalid(
            f"The inventory of {inventory.environment} gives ssh a configuration (-F) of its own.",
            "Name the file in ansible.cfg instead: ssh_args under [ssh_connection].",
        )
    files = [file for words in written for file in _configuration_files(words)]
    included = [str(around.directory / Path(file).expanduser()) for file in files[-1:]] or [
        str(Path("~/.ssh/config").expanduser()),
        "/etc/ssh/ssh_config",
    ]
    addresses = {name for host in inventory.hosts for name in (host.address, host.name) if _HOST.fullmatch(name)}
    jumps = {jump for words in (*written, *own) for jump in _jump_hosts(words)}
    jumps |= {jump for address in addresses for jump in _configured_jumps(address, included)}
    return Fence(path, _configuration(inventory.environment, addresses | jumps, included))


def _configuration(environment: str, allowed: set[str], included: list[str]) -> str:
    lines = [
        f"Host * {' '.join(f'!{name}' for name in sorted(allowed))}",
        # ssh drops what a proxy says, but repeats a greeting that it can't read; it greets first.
        # What arguments say of proxies comes before this file, so the name itself must lead nowhere.
        "  HostName reversion-refused.invalid",
        f"  ProxyCommand sh -c 'read -r greeting; echo \"SSH-{REFUSAL} {environment} only.\"'",
        "Host *",
        *(f'  Include "{file}"' for file in included),
        # After what is included, so that it counts only where nothing else is said: a host that goes away in the
        # middle of a task is noticed within a minute, not at the end of the run's time.
        "Host *",
        "  ServerAliveInterval 15",
        "  ServerAliveCountMax 4",
    ]
    return "\n".join(lines) + "\n"


def _host_arguments(inventory: Inventory) -> Iterator[tuple[str, str]]:
    for host in inventory.hosts:
        variables = json.loads(host.variables)
        for name in _ARGUMENTS:
            value = variables.get(name, "")
            if not isinstance(value, str):
                raise ProductInvalid(
                    f"The inventory of {inventory.environment}: {name} of {plain(host.name, 80)} is no plain text.",
                    "Write it as text, neither encrypted nor !unsafe.",
                )
            yield host.name, value


def _split(text: str, where: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ProductInvalid(
            f"The ssh arguments of {plain(where, 80)} can't be read: {error}.", "Correct their quotes."
        ) from error


def _configuration_files(words: list[str]) -> list[str]:
    return [word[2:] or following for word, following in _pairs(words) if word.startswith("-F")]


def _jump_hosts(words: list[str]) -> Iterator[str]:
    for word, following in _pairs(words):
        if word.startswith("-J"):
            yield from _jumps(word[2:] or following)
        if word.startswith("-o"):
            option = re.split(r"[=\s]+", (word[2:] or following).strip(), maxsplit=1)
            if option[0].lower() == "hostname":
                raise ProductInvalid(
                    "The ssh arguments set HostName, which would lead past the fence.", "Leave it out."
                )
            if option[0].lower() == "proxyjump":
                yield from _jumps(option[-1])


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    return zip_longest(words, words[1:], fillvalue="")


def _jumps(text: str) -> Iterator[str]:
    """Yield the hosts of a ProxyJump: `[user@]host[:port]` or `ssh://...`, several parted by commas."""
    for jump in text.split(","):
        host = jump.removeprefix("ssh://").rsplit("@", 1)[-1]
        host = host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0]
        if not _HOST.fullmatch(host):
            raise ProductInvalid(
                f"The jump host '{plain(jump, 80)}' in the ssh arguments is a template or no host name.",
                "Write its name or address itself.",
            )
        yield host


def _configured_jumps(address: str, included: list[str]) -> Iterator[str]:
    """Yield the jump hosts that an ssh configuration file sets for this address, as ssh itself reads it.

    Without ssh there is none: Ansible then says so of every host that it would be needed for.
    """
    if not shutil.which("ssh"):
        return
    for file in included:
        try:
            text = Path(file).read_text(encoding="utf-8", errors="replace").lower()
        except OSError:
            continue
        if "proxyjump" not in text and "include" not in text:
            continue
        asked = subprocess.run(  # noqa: S603
            ["ssh", "-G", "-F", file, "--", address],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
        for line in asked.stdout.splitlines():
            name, _, value = line.partition(" ")
            if name == "proxyjump" and value != "none":
                yield from _jumps(value)
