"""What the collection's documentation says is what its modules and roles take, and Ansible can show it."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.playing import COLLECTIONS

DEPLOY = COLLECTIONS / "ansible_collections" / "reversion" / "deploy"
MODULES = sorted(path.stem for path in (DEPLOY / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (DEPLOY / "roles").iterdir())
TOLD = ("type", "elements", "choices", "default", "required")


def module_named(name: str) -> Any:
    return importlib.import_module(f"ansible_collections.reversion.deploy.plugins.modules.{name}")


def taken(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return of each argument what its documentation has to say."""
    return {
        name: {
            **{key: about[key] for key in TOLD if key in about},
            **({"suboptions": taken(about["options"])} if "options" in about else {}),
        }
        for name, about in arguments.items()
    }


def documented(options: dict[str, Any]) -> dict[str, Any]:
    assert all(about["description"] for about in options.values())
    return {
        name: {
            **{key: about[key] for key in TOLD if key in about},
            **({"suboptions": documented(about["suboptions"])} if "suboptions" in about else {}),
        }
        for name, about in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_documented_as_it_is_taken(name: str) -> None:
    module = module_named(name)

    options = yaml.safe_load(module.DOCUMENTATION)["options"]

    assert documented(options) == taken(module.ARGUMENTS)


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_documented_options_only(name: str) -> None:
    module = module_named(name)

    examples = yaml.safe_load(module.EXAMPLES)

    assert examples
    for task in examples:
        assert set(task[f"reversion.deploy.{name}"]) <= set(module.ARGUMENTS)
    assert all(about["description"] and about["returned"] for about in yaml.safe_load(module.RETURN).values())


@pytest.mark.parametrize("role", ROLES)
def test_every_default_of_a_role_is_documented_and_every_variable_is_its_own(role: str) -> None:
    options = yaml.safe_load((DEPLOY / "roles" / role / "meta" / "argument_specs.yml").read_text())
    options = options["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((DEPLOY / "roles" / role / "defaults" / "main.yml").read_text())
    tasks = "".join(path.read_text() for path in (DEPLOY / "roles" / role / "tasks").iterdir())
    used = set(re.findall(rf"\b{role}_\w+", tasks))

    assert {name for name, about in options.items() if "default" in about} == set(defaults)
    assert used >= {name for name, about in options.items() if about.get("required")} - {"systemd_release_exec_start"}


@pytest.mark.parametrize(("kind", "names"), [("module", MODULES), ("role", ROLES)])
def test_ansible_doc_prints_it(kind: str, names: list[str]) -> None:
    wanted = [f"reversion.deploy.{name}" for name in names]
    program = Path(sys.executable).parent / "ansible-doc"

    printed = subprocess.run([program, "--json", "-t", kind, *wanted], capture_output=True, text=True, check=True)

    assert set(json.loads(printed.stdout)) == set(wanted)


def shown_blocks() -> list[Any]:
    pages = [
        COLLECTIONS.parent / "docs" / "ansible.md",
        DEPLOY / "README.md",
        *(DEPLOY / "roles").glob("*/README.md"),
    ]
    blocks = [block for page in pages for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    return [yaml.safe_load(block) for block in blocks]


def test_playbooks_that_are_shown_use_what_there_is() -> None:
    plays = [play for block in shown_blocks() if isinstance(block, list) for play in block]
    tasks = [task for play in plays for task in play.get("tasks", ())]
    roles = [role for play in plays for role in play.get("roles", ())]

    assert (len(tasks), len(roles)) == (2, 3)
    for task in tasks:
        assert set(task["reversion.deploy.release"]) <= set(module_named("release").ARGUMENTS)
    for role in roles:
        name = role["role"].rpartition(".")[2]
        specs = yaml.safe_load((DEPLOY / "roles" / name / "meta" / "argument_specs.yml").read_text())
        options = specs["argument_specs"]["main"]["options"]
        assert set(role["vars"]) <= set(options)
        assert {option for option, about in options.items() if about.get("required")} <= set(role["vars"])
