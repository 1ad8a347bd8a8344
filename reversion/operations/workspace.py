"""Open a product: its repository, its product file as committed, and where Reversion keeps its own things."""

import os
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters import documents
from reversion.adapters.repository import Repository
from reversion.errors import ProductInvalid
from reversion.product import CatalogueEntry, Product

PRODUCT_FILE = "reversion.yaml"


@dataclass(frozen=True)
class Workspace:
    """A product at one commit. `home` is Reversion's own directory for it: mirrors, catalogue; it can be deleted."""

    root: Path
    home: Path
    repository: Repository
    head: str
    product: Product
    entries: tuple[CatalogueEntry, ...]


def find_root(path: str) -> Path:
    """Return the product's root: the folder itself or the nearest above it that holds reversion.yaml or is a repository."""
    start = Path(path).expanduser().resolve()
    for folder in (start, *start.parents):
        if (folder / PRODUCT_FILE).is_file() or (folder / ".git").exists() or (folder / "HEAD").is_file():
            return folder
    raise ProductInvalid(
        f"{start} is in no product repository.", "Name one with --product or REVERSION_PRODUCT."
    )


def home_of(name: str) -> Path:
    """Return (and make, readable by its owner only) the directory for a product's mirrors and catalogue."""
    base = os.environ.get("REVERSION_HOME") or str(Path.home() / ".local" / "state" / "reversion")
    home = Path(base).expanduser() / name
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def open_workspace(path: str, *, refresh: bool = True) -> Workspace:
    """Open the product at `path` as its newest commit has it, after asking its remote when there is one."""
    root = find_root(path)
    repository = Repository(root)
    head = repository.newest(refresh=refresh)
    text = repository.read(head, PRODUCT_FILE)
    if text is None:
        raise ProductInvalid(
            f"{root}: the newest commit {head[:10]} has no {PRODUCT_FILE}.",
            "Write one with 'reversion init', and commit it.",
        )
    product = documents.read_product(text, f"{PRODUCT_FILE} at {head[:10]}", repository.list_files(head))
    entries = documents.read_entries(repository, head, product.features.catalogue)
    return Workspace(root, home_of(product.product), repository, head, product, entries)
