"""Where the catalogue is. The database's machinery is imported when one is opened, not before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reversion.adapters.catalogue_store import Catalogue
    from reversion.adapters.catalogue_titles import TitleCache


def open_catalogue(home: Path) -> Catalogue:
    """Open a product's catalogue: `catalogue.db` in its home, or what REVERSION_CATALOGUE names."""
    from reversion.adapters.catalogue_store import Catalogue

    return Catalogue(_url(home), home.name)


def open_titles(home: Path) -> TitleCache:
    """Open what trackers said about a product's features, in the same database."""
    from reversion.adapters.catalogue_titles import TitleCache

    return TitleCache(_url(home), home.name)


def _url(home: Path) -> str:
    return os.environ.get("REVERSION_CATALOGUE") or f"sqlite:///{home / 'catalogue.db'}"
