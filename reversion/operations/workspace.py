"""Open a product: its repository, its product file as committed, and where Reversion keeps its own things."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reversion.adapters import documents
from reversion.adapters.inventory import Inventory
from reversion.adapters.repository import Repository
from reversion.errors import ProductInvalid, WorldFailed
from reversion.feature_settings import CatalogueEntry
from reversion.product import Product

PRODUCT_FILE = "reversion.yaml"


@dataclass(frozen=True)
class Workspace:
    """A product at one commit.

    `home` is Reversion's own directory for it: mirrors of the services, the catalogue; it can be deleted.
    `inventories` keeps, by environment and commit, those that were resolved already.
    """

    root: Path
    home: Path
    repository: Repository
    head: str
    product: Product
    inventories: dict[tuple[str, str], Inventory] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def entries(self) -> tuple[CatalogueEntry, ...]:
        """What people wrote down about features; read when first asked for. Raise ProductInvalid."""
        pattern = self.product.features.catalogue
        return documents.read_entries(self.repository, self.head, pattern, tuple(self.product.services))


def find_root(path: str) -> Path:
    """Return the product repository's root: the nearest folder, from `path` upwards, that is a repository."""
    start = Path(path).expanduser().resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir()):
            return folder
    if (start / PRODUCT_FILE).is_file():
        raise ProductInvalid(
            f"{start} holds a {PRODUCT_FILE}, but is no Git repository.",
            "Make it one: git init, add, commit.",
        )
    raise ProductInvalid(f"{start} is in no product repository.", "Name one with --product or REVERSION_PRODUCT.")


def home_of(name: str) -> Path:
    """Return (and make, readable by its owner only) the directory for a product's mirrors and catalogue."""
    base = os.environ.get("REVERSION_HOME") or str(Path.home() / ".local" / "state" / "reversion")
    home = Path(base).expanduser().absolute() / name
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WorldFailed(
            f"Reversion's own directory {home} could not be made: {error.strerror}.",
            "Name one that may be written with REVERSION_HOME.",
        ) from error
    return home


def open_workspace(path: str, *, refresh: bool = True, at: str = "") -> Workspace:
    """Open the product at `path` as its newest commit has it, after asking its remote when there is one.

    With a commit id as `at`, it is opened as that commit has it.
    """
    root = find_root(path)
    repository = Repository(root)
    head = at or repository.newest(refresh=refresh)
    text = repository.read(head, PRODUCT_FILE)
    if text is None:
        there = (root / PRODUCT_FILE).is_file()
        raise ProductInvalid(
            f"{root}: the commit {head[:10]} has no {PRODUCT_FILE} at its root.",
            f"Commit the {PRODUCT_FILE} that lies there."
            if there
            else "Write one with 'reversion init', and commit it.",
        )
    product = documents.read_product(text, f"{PRODUCT_FILE} at {head[:10]}", repository.list_files(head))
    return Workspace(root, home_of(product.product), repository, head, product)
