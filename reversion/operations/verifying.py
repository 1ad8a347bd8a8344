"""Run production tests."""

from reversion.adapters.checks import run_check
from reversion.operations.trees import unpacked
from reversion.operations.workspace import Workspace
from reversion.outcome import Check
from reversion.product import Environment, ProductionTest


def verify(workspace: Workspace, environment: Environment, test: ProductionTest, commit: str = "") -> Check:
    """Run one production test against the environment, from the tree of a commit (default: the newest)."""
    variables = environment.test_variables | {"REVERSION_ENVIRONMENT": environment.name}
    with unpacked(workspace, commit or workspace.head) as tree:
        return run_check(test, tree, variables)
