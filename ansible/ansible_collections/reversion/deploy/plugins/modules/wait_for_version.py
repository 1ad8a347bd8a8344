#!/usr/bin/python
# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Wait until a service has the wanted version."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_version
short_description: Wait until a service has the wanted version
version_added: "0.1.0"
author: Reversion contributors (!UNKNOWN)
description:
  - Reads which version a service has, until that is the wanted one, and fails when it does not come.
  - Exactly one of O(url), O(file) and O(command) says where it is read, by the rules by which Reversion observes.
attributes:
  check_mode:
    support: full
    description: Looks once, and does not fail.
  diff_mode:
    support: none
    description: Changes nothing.
options:
  version:
    description: The wanted version.
    type: str
    required: true
  service:
    description: The service's name, for messages.
    type: str
    required: true
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
"""

EXAMPLES = r"""
- name: Wait until the wanted version answers
  reversion.deploy.wait_for_version:
    service: "{{ reversion_service }}"
    version: "{{ reversion_version }}"
    url: http://127.0.0.1:8080/version
    field: version
"""

RETURN = r"""
health:
  description: What was read last.
  returned: always
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.reversion.deploy.plugins.module_utils import health
from ansible_collections.reversion.deploy.plugins.module_utils.failure import plain

WAYS = ["url", "file", "command"]
ARGUMENTS = {
    "version": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "url": {"type": "str"},
    "file": {"type": "path"},
    "command": {"type": "list", "elements": "str"},
    "field": {"type": "str"},
    "expect": {"type": "str"},
    "timeout": {"type": "float", "default": 30},
    "interval": {"type": "float", "default": 1},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS, mutually_exclusive=[WAYS], required_one_of=[WAYS], supports_check_mode=True
    )
    way = module.params
    wanted = way["expect"] or way["version"]
    way["interval"] = max(0.05, way["interval"])
    seen = health.look(way) if module.check_mode else health.wait(way, wanted)
    facts = {"changed": False, "health": {"version": seen.version or "", "problem": seen.problem}}
    if seen.version == wanted or module.check_mode:
        module.exit_json(**facts)
    told = f"{wanted} was not seen within {way['timeout']:g} seconds at {health.where(way)}; last {seen.told()}"
    module.fail_json(msg=f"{plain(way['service'], 80)}: {told}. See the service's own log.", **facts)


if __name__ == "__main__":
    main()
