"""Remember what was seen and judged: a convenience, which must not stop anything when its database is broken."""

import logging
from collections.abc import Callable

from reversion.adapters.catalogue import open_catalogue
from reversion.adapters.catalogue_store import Catalogue
from reversion.errors import ServerFailed
from reversion.operations.workspace import Workspace
from reversion.text import plain


def remember(workspace: Workspace, write: Callable[[Catalogue], None]) -> None:
    """Write into the catalogue; where that fails, say so in the log and go on."""
    try:
        write(open_catalogue(workspace.home))
    except ServerFailed as error:
        logging.getLogger("reversion").warning("%s", plain(str(error), 500))
