#!/usr/bin/python
# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Bring one service to one version, in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Bring one service to one version
version_added: "0.1.0"
author: Reversion contributors (!UNKNOWN)
description:
  - Does in one round trip what restoring a service by releases takes. It unpacks the artefact, writes configuration
    files, switches a link, restarts the service, waits until the wanted version answers, and removes releases that
    are no longer needed.
  - A release lies in C(ROOT/releases/VERSION); the link C(ROOT/current) points at the one that runs,
    C(ROOT/previous) at the one before it. A release gets its name in one step, and so does each link and each
    configuration file, so a run that is killed leaves nothing that is half there. The next run then goes on, and
    restarts the service where that was left to do.
  - Only one run at a time works on a root; another one waits up to 30 seconds.
notes:
  - Works on Linux hosts with Python 3.8 or newer, and needs nothing but Python's own library there.
  - The task is not written to the host's log, as configuration may hold secrets.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and say what would change, without changing anything. It does not download.
  diff_mode:
    support: full
    description: Returns what changed in configuration files and the link, but not the content of sensitive files.
options:
  root:
    description: The service's own folder, as a whole path. It is made when it is not there.
    type: path
    required: true
  version:
    description:
      - The wanted version, which is also the name of its release.
      - Letters, digits and C(. _ + -), beginning with a letter or digit, at most 128 of them.
    type: str
    required: true
  service:
    description: The service's name, for messages. By default the last part of O(root).
    type: str
  src:
    description:
      - The artefact, as a whole path on the host or as an http or https address.
      - Only needed, and only looked at, when the release is not on the host yet.
      - An http address needs O(checksum).
    type: str
  checksum:
    description:
      - The artefact's checksum, as C(sha256:) and 64 hexadecimal digits. It is compared before anything is
        unpacked.
      - A release that is on the host and was unpacked from an artefact with another checksum is refused.
    type: str
  format:
    description:
      - What the artefact is. A C(tar) may be compressed with gzip, bzip2 or xz.
      - A C(file) becomes the only file of the release and is executable.
      - With C(auto) the name tells; a jar is a file.
      - Archives and folders may hold files, folders, and links that stay inside. Anything else is refused.
    type: str
    choices: [auto, tar, zip, file, directory]
    default: auto
  strip:
    description: How many leading folders to leave out of the names in the artefact.
    type: int
    default: 0
  file_name:
    description: The name that an artefact of the format C(file) gets in the release. By default its own.
    type: str
  headers:
    description:
      - Request headers for an address in O(src), such as Authorization. They are not sent to where a redirect
        leads.
    type: dict
    default: {}
  owner:
    description: The user, by name or number, who owns what is unpacked.
    type: str
  group:
    description: The group, by name or number, of what is unpacked.
    type: str
  config:
    description: Configuration files. They are written as they are given; a template belongs into a lookup.
    type: list
    elements: dict
    default: []
    suboptions:
      dest:
        description:
          - The file's path, relative to the release; or a whole path below O(root), but not in a release, or below
            one of O(config_roots).
        type: str
        required: true
      content:
        description: What the file holds.
        type: str
        required: true
      mode:
        description:
          - The file's mode, as an octal number in quotes. By default C(0644), or C(0600) for a sensitive file.
        type: raw
      owner:
        description: The user, by name or number, who owns the file.
        type: str
      group:
        description: The file's group, by name or number.
        type: str
      sensitive:
        description: Whether the content is kept out of all that the module returns.
        type: bool
        default: false
  config_roots:
    description: Folders outside of O(root) below which configuration files may lie, such as C(/etc/systemd/system).
    type: list
    elements: path
    default: []
  systemd:
    description:
      - The systemd unit to restart. Where a configuration file outside of the release changed, C(systemctl
        daemon-reload) goes before.
    type: str
  enabled:
    description: Whether the unit of O(systemd) has to be enabled, too. Otherwise that is left as it is.
    type: bool
    default: false
  supervisor:
    description: The program to restart with C(supervisorctl).
    type: str
  command:
    description:
      - A command that restarts the service, as a list. There is no shell, and it is run in O(root).
      - It has to end by itself, within two minutes; what it starts in the background stays.
    type: list
    elements: str
  restart:
    description:
      - With C(auto), restart when something was changed, when an earlier run was ended before it could, or when
        O(health) does not see the wanted version.
    type: str
    choices: [auto, always, never]
    default: auto
  health:
    description:
      - How the running version is read, and how long to wait for the wanted one. Exactly one of C(url), C(file) and
        C(command).
      - Without it, the service counts as right once it has been restarted.
    type: dict
    suboptions:
      url:
        description: An address that the host asks, without a proxy. Only the status 200 counts.
        type: str
      file:
        description: A file on the host.
        type: path
      command:
        description: A command on the host, as a list, without a shell.
        type: list
        elements: str
      field:
        description: Where the answer is JSON, the field that holds the version. C(a.b.0) names one inside others.
        type: str
      expect:
        description: What has to be read. By default O(version).
        type: str
      timeout:
        description: How many seconds to wait for it.
        type: float
        default: 30
      interval:
        description: How many seconds to wait between two looks, at most. The first ones follow each other faster.
        type: float
        default: 1
  on_unhealthy:
    description:
      - What to do when the service can't be restarted, or the wanted version does not answer in time. The task
        fails in any case.
      - With C(back), the link and the configuration files are taken back to what they were, and the service is
        restarted.
    type: str
    choices: [keep, back]
    default: keep
  keep:
    description:
      - How many releases to keep, with the current and the previous one, which are never removed.
      - Those longest unused go first. What this module did not unpack is never removed.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Restore the cart
  reversion.deploy.release:
    root: /srv/cart
    version: "{{ reversion_version }}"
    service: "{{ reversion_service }}"
    src: https://artefacts.example/cart/{{ reversion_version }}.tar.gz
    checksum: "sha256:{{ cart_checksums[reversion_version] }}"
    config:
      - dest: config.json
        content: "{{ cart_config | to_json }}"
    systemd: cart.service
    health: {url: "http://127.0.0.1:8080/version", field: version}

- name: Restore a single program, and go back when it does not come up
  reversion.deploy.release:
    root: /srv/gate
    version: 2.1.0
    src: /mnt/artefacts/gate-2.1.0
    file_name: gate
    config:
      - dest: /srv/gate/gate.env
        content: "TOKEN={{ gate_token }}\n"
        sensitive: true
    supervisor: gate
    health: {command: [/srv/gate/current/gate, --version]}
    on_unhealthy: back
"""

RETURN = r"""
version:
  description: The version that was wanted.
  returned: always
  type: str
  sample: 1.5.0
previous:
  description: The version that ran before it, empty for none.
  returned: always
  type: str
  sample: 1.4.0
release_path:
  description: The release's folder.
  returned: always
  type: str
  sample: /srv/cart/releases/1.5.0
changed_parts:
  description:
    - What was changed, of C(release), C(config), C(current), C(enabled), C(restart), C(removed); when failing,
      also what was taken back.
  returned: always
  type: list
  elements: str
  sample: [release, current, restart]
removed:
  description: The releases that were removed.
  returned: always
  type: list
  elements: str
  sample: [1.1.0]
health:
  description: What was read last.
  returned: when health is given and was looked at
  type: dict
  contains:
    version:
      description: The version that was read, empty for none.
      type: str
      returned: always
    problem:
      description: Why none was read, else empty.
      type: str
      returned: always
  sample: {version: 1.5.0, problem: ""}
"""

import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure, plain
from ansible_collections.reversion.deploy.plugins.module_utils.health import VERSION
from ansible_collections.reversion.deploy.plugins.module_utils.restoring import Restore

CONFIG = {
    "dest": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "sensitive": {"type": "bool", "default": False},
}
HEALTH = {
    "url": {"type": "str"},
    "file": {"type": "path"},
    "command": {"type": "list", "elements": "str"},
    "field": {"type": "str"},
    "expect": {"type": "str"},
    "timeout": {"type": "float", "default": 30},
    "interval": {"type": "float", "default": 1},
}
WAYS = ["url", "file", "command"]
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "version": {"type": "str", "required": True},
    "service": {"type": "str"},
    "src": {"type": "str"},
    "checksum": {"type": "str"},
    "format": {"type": "str", "choices": ["auto", "tar", "zip", "file", "directory"], "default": "auto"},
    "strip": {"type": "int", "default": 0},
    "file_name": {"type": "str"},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "config": {"type": "list", "elements": "dict", "default": [], "options": CONFIG},
    "config_roots": {"type": "list", "elements": "path", "default": []},
    "systemd": {"type": "str"},
    "enabled": {"type": "bool", "default": False},
    "supervisor": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "restart": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "health": {"type": "dict", "options": HEALTH, "mutually_exclusive": [WAYS], "required_one_of": [WAYS]},
    "on_unhealthy": {"type": "str", "choices": ["keep", "back"], "default": "keep"},
    "keep": {"type": "int", "default": 5},
}
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@+][A-Za-z0-9:_.\\@+-]*")
_MENDS = {
    "ENOSPC": "Free some space there, then run again",
    "EDQUOT": "Free some space there, then run again",
    "EACCES": "Run the task with become, or give its user the right",
    "EPERM": "Run the task with become, or give its user the right",
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=[["systemd", "supervisor", "command"]],
        supports_check_mode=True,
        no_log=True,  # keep the contents of configuration files out of the host's log
    )
    params = dict(module.params)
    _hide(module.params)
    params["root"] = params["root"].rstrip("/")
    params["service"] = params["service"] or os.path.basename(params["root"])
    restore = None
    try:
        _check(params)
        restore = Restore(params, check=module.check_mode)
        restore.run()
    except Failure as failure:
        _fail(module, params, failure, restore)
    except OSError as error:
        _fail(module, params, _explained(error, params["root"]), restore)
    module.exit_json(**_facts(params, restore, diff=module._diff))


def _check(params: dict[str, Any]) -> None:
    if not VERSION.fullmatch(params["version"]):
        raise Failure(f"'{plain(params['version'], 80)}' is not a version", "Use letters, digits and . _ + - only")
    if not os.path.isabs(params["root"]) or ".." in params["root"].split("/"):
        raise Failure(f"root '{plain(params['root'], 80)}' is not a whole path below /", "Correct it")
    for kind in ("systemd", "supervisor"):
        if params[kind] is not None and not _UNIT.fullmatch(params[kind]):
            raise Failure(f"{kind} '{plain(params[kind], 80)}' is not a name", "Correct it")
    if params["command"] == [] or (params["health"] and params["health"]["command"] == []):
        raise Failure("the command is empty", "Name its program, or leave it out")
    if params["health"] and params["health"]["interval"] <= 0:
        raise Failure("health.interval is not above 0", "Leave it out, or correct it")


def _hide(params: dict[str, Any]) -> None:
    """Take out of what Ansible returns by itself what must not be there; the values are copied before that."""
    params["config"] = [
        {**entry, "content": "(sensitive)"} if entry["sensitive"] else entry for entry in params["config"]
    ]
    if params["src"] and "://" in params["src"]:
        params["src"] = re.sub(r"//[^/]*@", "//", params["src"].partition("?")[0])


def _facts(params: dict[str, Any], restore: Restore | None, *, diff: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "version": params["version"],
        "previous": "",
        "changed": False,
        "changed_parts": [],
        "removed": [],
    }
    if restore is None:
        return {**facts, "release_path": ""}
    facts.update(previous=restore.previous or "", release_path=restore.path, removed=restore.removed)
    facts.update(changed=bool(restore.parts), changed_parts=restore.parts)
    if restore.seen:
        facts["health"] = {"version": restore.seen.version or "", "problem": restore.seen.problem}
    if diff:
        facts["diff"] = restore.diffs
    return facts


def _explained(error: OSError, root: str) -> Failure:
    import errno

    where = f": {plain(os.fsdecode(error.filename or root))}"
    mend = _MENDS.get(errno.errorcode.get(error.errno or 0, ""), "Look at that path on the host")
    return Failure(f"{plain(error.strerror or str(error)).lower()}{where}", mend)


def _fail(module: AnsibleModule, params: dict[str, Any], failure: Failure, restore: Restore | None) -> None:
    text = f"{plain(params['service'], 80)}: {failure.fact}. {failure.mend}."
    module.fail_json(msg=text, **_facts(params, restore, diff=module._diff))


if __name__ == "__main__":
    main()
