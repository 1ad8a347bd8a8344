"""Build the shop: seven services' repositories and the master product repository, in an empty directory.

    python -m examples.shop.build DIRECTORY

Nothing runs yet then; see `examples.shop.environments`.
"""

import argparse
import shutil
from pathlib import Path

from examples.shop.git import Git
from examples.shop.hosts import make_keys
from examples.shop.layout import ENVIRONMENTS, Shop, free_base_port
from examples.shop.product_file import ansible_cfg, inventory, places, reversion_yaml, settings
from examples.shop.repositories import build_repositories
from examples.shop.vault import make_password, payment_token

PRODUCT = Path(__file__).parent / "product"


def build(directory: Path, base_port: int | None = None, *, ssh: bool = False) -> Shop:
    """Build the whole product in the directory, which must be empty or not there yet.

    The services will use seven ports from `base_port` + 1 on at ten loopback addresses; free ones are
    looked for when none is given.
    """
    directory = directory.resolve()
    if directory.exists() and any(directory.iterdir()):
        raise SystemExit(f"{directory} is not empty. Name a directory that is, or one to be made.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    shop = Shop(directory, base_port or free_base_port(), ssh)
    make_password(directory)
    if ssh:
        make_keys(shop)
    build_repositories(shop.repositories)
    _build_product(shop)
    shop.save()
    return shop


def _build_product(shop: Shop) -> None:
    git = Git.create(shop.product)
    shutil.copytree(PRODUCT, shop.product, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    git.write("ansible.cfg", ansible_cfg(shop.directory))
    for environment in ENVIRONMENTS:
        _write_inventory(git, shop, environment)
    git.commit("Describe the environments and how to deploy to them", "Dana")
    git.write("reversion.yaml", reversion_yaml(shop))
    git.commit("Let Reversion take an environment back", "Ana")


def _write_inventory(git: Git, shop: Shop, environment: str) -> None:
    folder = f"ansible/inventories/{environment}"
    git.write(f"{folder}/hosts.yml", inventory(shop, environment))
    git.write(f"{folder}/group_vars/all/shop.yml", settings(environment))
    git.write(f"{folder}/group_vars/all/places.yml", places(shop, environment))
    git.write(f"{folder}/group_vars/all/vault.yml", payment_token(shop.directory))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the example shop in an empty directory.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--base-port", type=int, help="the first of eight ports; free ones are looked for by default")
    parser.add_argument("--ssh", action="store_true", help="let Ansible reach the hosts by ssh")
    given = parser.parse_args()
    shop = build(given.directory, given.base_port, ssh=given.ssh)
    print(f"The product is at {shop.product}, its services' repositories are at {shop.repositories}.")


if __name__ == "__main__":
    main()
