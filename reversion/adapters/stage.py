"""The stage that playbooks run on: the tree, the product as it says there, one environment and its hosts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reversion.adapters.inventory import Inventory
from reversion.product import Environment, Product


def _silent(_host: str, _line: str) -> None:
    """Drop the line."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Stage:
    """All that a run of Ansible needs.

    `say` gets the host, as Ansible knows it, and a line for each result; `cancelled` is asked every second.
    """

    tree: Path
    product: Product
    environment: Environment
    inventory: Inventory
    say: Callable[[str, str], None] = _silent
    cancelled: Callable[[], bool] = _never
