"""Reach the Prefect server that serves a product."""

from reversion.adapters.approvals import Approvals
from reversion.adapters.prefect_api import PrefectApi, find_address
from reversion.operations.workspace import Workspace


def connect(workspace: Workspace) -> Approvals:
    """Return the runs and approvals of the product's server."""
    return Approvals(PrefectApi(find_address(workspace.home)))
