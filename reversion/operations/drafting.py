"""Write the starter reversion.yaml from what a survey found. Pure."""

import json
import re

from reversion.operations.surveying import FoundEnvironment, Survey
from reversion.text import counted

_HEAD = """\
# All that Reversion needs to know of this product. Lines marked TODO hold a guess: correct them.
# Every key is explained in docs/product-file.md. Check the file with: reversion doctor
schema: reversion.product/1
product: {product}

# One entry a microservice. `repository` is where its source is: its features are read from its commits.
# `ref` says how a version names a commit; without it the tags 1.4.2 and v1.4.2 are tried.
# `hosts` is the inventory group that runs it; without it the group of the service's own name.
services:
"""
_NO_SERVICES = """\
  # TODO: no group was found that all inventories share; name the first service and the group that runs it.
"""
_GATHERING = """\
  # TODO: left out, since their hosts are those of several groups above: {groups}. Add those that are services.
"""
_ENVIRONMENTS = """
# One entry an environment. `observe` says how the version of a service is read on each host that runs it:
# by url, file or command. {ansible_host} stands for the host's Ansible variable, {service} for the
# service, {reversion_host} for the host's name.
# `restore` is your own playbook; it gets reversion_service and reversion_version, among others.
environments:
"""
_NO_ENVIRONMENT = """\
  # TODO: no inventory was found. Write one, and name its folder or file here.
"""
_FEATURES = """
# Where commit messages name a feature. Remove what you don't use.
features:
  conventions:
    - {kind: line, names: [Feature, Issue-ID]}    # "Feature: SHOP-42" on a line of its own
    - {kind: pull_request}                        # "(#123)" at a subject's end
    # - {kind: key, projects: [SHOP, PAY]}        # issue keys of these projects, anywhere in a message
  # url: "https://tracker.example/browse/{id}"
"""
_LIVE = re.compile(r"(?:^|[-_.])(?:live|prod|production)(?:$|[-_.])")
"""What users are on is not taken back by itself, unless somebody wants just that."""
_NO_TESTS = """
# Commands, run in the product's folder, that prove an environment. Name them in an environment's production_tests.
# production_tests:
#   smoke: {command: [pytest, -q, tests/production], timeout: 300}
"""


def draft(found: Survey) -> str:
    """Return the text of a product file that can be loaded where at least one environment was found."""
    services = found.services or ("app",)
    parts = [_HEAD.format(product=found.product)]
    parts += [] if found.services else [_NO_SERVICES]
    parts += [_service(name, found.beside, is_guess=not found.services) for name in services]
    parts += [_GATHERING.format(groups=", ".join(found.gathering))] if found.gathering else []
    parts.append(_ENVIRONMENTS)
    parts += [_environment(one, found) for one in found.environments] or [_NO_ENVIRONMENT]
    parts.append(_FEATURES)
    parts.append(_tests(found.tests) if found.tests else _NO_TESTS)
    return "".join(parts)


def _service(name: str, beside: frozenset[str], *, is_guess: bool) -> str:
    hosts = "    hosts: all\n" if is_guess else ""
    found = f"../{name}" if name in beside else f"../{name}.git"
    return f"  {_text(name)}:\n    repository: {_text(found)}    # TODO: its URL, or a path\n{hosts}"


def _environment(one: FoundEnvironment, found: Survey) -> str:
    told = f"its hosts could not be read: {one.problem}" if one.problem else counted(len(one.hosts), "host")
    taken = [one.inventory, *([found.roles] if found.roles else [])]
    lines = [f"  {_text(one.name)}:    # {told}", f"    inventory: {_text(one.inventory)}"]
    if found.playbook and not _LIVE.search(one.name):
        lines.append(
            f"    restore: {_text(found.playbook)}    # TODO: the playbook that brings a service to a version"
        )
    else:
        never = "the idle side is taken back, and then goes live" if found.playbook else "TODO"
        playbook = _text(found.playbook or "ansible/restore.yml")
        lines.append(f"    # restore: {playbook}    # {never}: without it this environment is never reverted")
    lines.append('    observe: {url: "http://{ansible_host}:8080/version", field: version}    # TODO')
    lines.append(f"    configuration: {_list(taken)}    # taken back with the services")
    if one.secrets:
        lines.append(f"    keep_current: {_list(one.secrets)}    # secrets rotate: never taken back")
    if found.tests:
        lines.append("    production_tests: [smoke]")
    lines.append("    # approvers: [ana@example.com, bo@example.com]")
    return "\n".join(lines) + "\n"


def _tests(folder: str) -> str:
    return f"""
# Commands, run in the product's folder, that prove an environment.
production_tests:
  smoke: {{command: [pytest, -q, {_text(folder)}, --junit-xml=report.xml], junit: report.xml, timeout: 300}}    # TODO
"""


def _list(texts: tuple[str, ...] | list[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """Write a text so that YAML reads the same, with quotes where they are needed."""
    simple = text.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    return text if simple and text.isascii() and not text.startswith("-") else json.dumps(text)
