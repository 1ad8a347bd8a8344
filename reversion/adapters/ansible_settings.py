"""Where and with which environment variables Ansible's commands are started.

A command is started as by hand from the folder of the product's own `ansible.cfg`: the nearest one from the
playbook's folder upwards, at most to the tree's root. Of the worker's environment it gets only what Ansible
and ssh need, so that no key of an API reaches a playbook by accident; REVERSION_PASS_ENVIRONMENT names what
else a playbook may see.
"""

import configparser
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reversion.errors import PlaybookFailed
from reversion.product import Environment

_PASSED = (
    *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSH_AUTH_SOCK", "SSH_AGENT_PID", "KRB5CCNAME"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
_NOT_PASSED = ("ANSIBLE_INVENTORY", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_HOST_PATTERN_MISMATCH")
_NOT_ASKED = dict.fromkeys(("ANSIBLE_ASK_PASS", "ANSIBLE_ASK_VAULT_PASS", "ANSIBLE_BECOME_ASK_PASS"), "False")
"""Whatever ansible.cfg says: nobody is there to type a password, and Ansible tells at once that one is missing."""

_UTF8 = "C.UTF-8"
_NOT_FOUND = (126, 127)
_NO_PACKAGE = re.compile(r"^ModuleNotFoundError: No module named 'ansible[.']", re.MULTILINE)
INVENTORY_TIMEOUT = 120


@dataclass(frozen=True)
class Surroundings:
    """The folder an Ansible command is started in, its environment, and the `ansible.cfg` that it reads."""

    directory: Path
    variables: Mapping[str, str]
    configuration: Mapping[str, str]

    def setting(self, variable: str, *keys: str) -> str | None:
        """Return a setting of the worker's environment or of ansible.cfg (`section.key`); None where unset."""
        if variable in self.variables:
            return self.variables[variable]
        return next((self.configuration[key] for key in keys if key in self.configuration), None)


def surroundings(tree: Path, environment: Environment) -> Surroundings:
    """Find the product's `ansible.cfg`, and build what the child process may see."""
    variables = _passed_variables(os.environ) | _NOT_ASKED
    config = _find_configuration(tree, tree / (environment.restore or environment.inventory))
    if "ANSIBLE_CONFIG" in variables:
        config = Path(variables["ANSIBLE_CONFIG"])
    elif config is not None:
        variables["ANSIBLE_CONFIG"] = str(config)
    found = Surroundings(config.parent if config else tree, variables, _read_configuration(config))
    for name, value, *keys in _DEFAULTS:
        if found.setting(name, *keys) is None:
            variables[name] = value
    return found if found.directory.is_dir() else Surroundings(tree, variables, found.configuration)


_DEFAULTS = (
    ("ANSIBLE_FORKS", "20", "defaults.forks"),
    (
        "ANSIBLE_PIPELINING",
        "True",
        "defaults.pipelining",
        "connection.pipelining",
        "ssh_connection.pipelining",
    ),
    ("ANSIBLE_SSH_ARGS", "-o ControlMaster=auto -o ControlPersist=60s", "ssh_connection.ssh_args"),
    ("ANSIBLE_NOCOLOR", "True"),
)


def run_command(around: Surroundings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one short Ansible command to its end; raise PlaybookFailed where it can't be run at all."""
    try:
        ended = subprocess.run(  # noqa: S603
            arguments,
            cwd=around.directory,
            env=dict(around.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=INVENTORY_TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise _not_installed(arguments[0]) from error
    except subprocess.TimeoutExpired as error:
        raise PlaybookFailed(
            f"{arguments[0]} gave no answer within {INVENTORY_TIMEOUT} seconds.",
            "Look for an inventory script or a vault password script that waits for something.",
        ) from error
    if ended.returncode in _NOT_FOUND or _NO_PACKAGE.search(ended.stderr):
        raise _not_installed(arguments[0])
    return ended


def _not_installed(command: str) -> PlaybookFailed:
    return PlaybookFailed(f"{command} is not installed.", "Install ansible-core where the worker runs.")


def _passed_variables(worker: Mapping[str, str]) -> dict[str, str]:
    allowed = {*_PASSED, *worker.get("REVERSION_PASS_ENVIRONMENT", "").replace(",", " ").split()}
    passed = {
        name: value
        for name, value in worker.items()
        if (name in allowed or name.startswith("ANSIBLE_")) and name not in _NOT_PASSED
    }
    passed["PATH"] = worker.get("PATH", os.defpath)
    beside = Path(sys.executable).parent
    if (beside / "ansible-playbook").is_file():
        passed["PATH"] = f"{beside}{os.pathsep}{passed['PATH']}"
    spoken = passed.get("LC_ALL") or passed.get("LC_CTYPE") or passed.get("LANG") or ""
    if "utf8" not in spoken.lower().replace("-", ""):
        passed["LC_ALL"] = _UTF8
    return passed


def _find_configuration(tree: Path, start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / "ansible.cfg").is_file():
            return folder / "ansible.cfg"
        if folder == tree:
            break
    return None


def _read_configuration(path: Path | None) -> Mapping[str, str]:
    """Return `section.key` to value. What can't be read is left to Ansible, which then says so itself."""
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, allow_no_value=True, inline_comment_prefixes=(";",)
    )
    try:
        parser.read(path or (), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {f"{section}.{key}": value or "" for section in parser.sections() for key, value in parser.items(section)}
