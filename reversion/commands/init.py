"""`reversion init`: write a starter reversion.yaml from what lies in the product's folder."""

import click

from reversion.adapters.documents import read_product
from reversion.adapters.repository import Repository
from reversion.commands.printing import note
from reversion.errors import InvalidInput, ProductInvalid, WorldFailed
from reversion.operations.drafting import draft
from reversion.operations.surveying import Survey, survey
from reversion.operations.workspace import PRODUCT_FILE, find_root
from reversion.text import counted


@click.command("init")
@click.pass_obj
def init_command(product: str) -> None:
    """Write a commented reversion.yaml from the Ansible inventories found. Overwrites nothing."""
    root = find_root(product)
    if Repository(root).run("rev-parse", "--is-bare-repository").strip() == "true":
        raise InvalidInput(f"{root} is a bare repository, without files to look at.", "Run it in a clone of it.")
    target = root / PRODUCT_FILE
    if target.exists():
        raise InvalidInput(f"{target} is there already.", "Check it with 'reversion doctor'.")
    found = survey(root)
    if not found.environments:
        raise ProductInvalid(
            f"{root} holds no Ansible inventory that could be found, below ansible/, inventories/ or its root.",
            "Write one for each environment, such as ansible/inventories/staging/hosts.yml, then try again.",
        )
    text = draft(found)
    read_product(text.encode(), PRODUCT_FILE, found.files)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise WorldFailed(f"{target} could not be written: {error.strerror}.") from error
    _tell(found)


def _tell(found: Survey) -> None:
    for one in found.environments:
        hosts = counted(len(one.hosts), "host") if not one.problem else f"not readable: {one.problem}"
        note(f"environment {one.name}: {one.inventory} ({hosts})")
    note(f"services: {', '.join(found.services) or 'none found; an example is in the file'}")
    if found.gathering:
        note(f"left out, as groups of other groups: {', '.join(found.gathering)}; add those that are services")
    note(f"restore playbook: {found.playbook or 'none found'}")
    print(f"{PRODUCT_FILE} is written. Correct the lines marked TODO, commit it, then run: reversion doctor")
