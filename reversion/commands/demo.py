"""`reversion demo`: the whole story on the example shop."""

import importlib
import sys
from pathlib import Path

import click

from reversion.errors import InvalidInput


@click.command("demo")
@click.option("--yes", is_flag=True, help="Approve by itself instead of asking.")
@click.option("--ssh", is_flag=True, help="Reach the hosts through real sshd instances instead of local connections.")
@click.option("--keep", is_flag=True, help="Leave the demo's directory behind.")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Where to build it. Default: a temporary directory."
)
def demo_command(yes: bool, ssh: bool, keep: bool, directory: Path | None) -> int:
    """Build the example shop and tell the whole story on this machine. Needs no root, no Docker, no network."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "examples" / "shop").is_dir():
        raise InvalidInput(
            "The example shop is not in the installed package.", "Run 'make demo' in a clone of Reversion."
        )
    sys.path.insert(0, str(root))
    told: int = importlib.import_module("examples.shop.demo").tell(directory, yes=yes, ssh=ssh, keep=keep)
    return told
