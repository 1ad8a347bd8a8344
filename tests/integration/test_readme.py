"""The README does not lie: its example loads, its commands exist, its links lead somewhere."""

import re
from pathlib import Path

import pytest

from reversion.adapters.documents import read_product
from reversion.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_the_example_product_file_loads():
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert block
    text = re.sub(r"^ {3}", "", block.group(1), flags=re.MULTILINE)
    files = ("ansible/restore.yml", "ansible/roles/release/tasks/main.yml")
    inventories = ("ansible/inventories/staging/hosts.yml", "ansible/inventories/live/hosts.yml")

    product = read_product(text.encode(), "README.md", (*files, *inventories))

    assert set(product.environments) == {"staging", "live"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named(command: str):
    assert re.search(rf"\b{command}\b", README)


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^\s*\$? ?reversion (?:--product \S+ )?(\w+)", README, re.MULTILINE)))
)
def test_every_command_that_is_shown_exists(command: str):
    assert command in COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path):
    text = re.sub(r"`[^`\n]*`", "", page.read_text())
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []
