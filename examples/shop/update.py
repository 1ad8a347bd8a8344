"""Somebody updates Staging with a release that should not have left Test."""

from examples.shop.environments import deploy
from examples.shop.git import Git
from examples.shop.layout import Shop
from examples.shop.vault import payment_token
from examples.shop.versions import BAD_RELEASE

FOLDER = "ansible/inventories/staging/group_vars/all"


def commit_update(shop: Shop) -> None:
    """Commit what the release wants to have set and, by another hand, a new token for the provider."""
    git = Git(shop.product)
    git.now = git.newest()
    settings = f"{FOLDER}/shop.yml"
    text = (shop.product / settings).read_text().replace("shipping: 490", "shipping: 690")
    git.write(settings, text.replace("Staging: the next live", "Staging: the November release"))
    git.commit("Set Staging up for the November release", "Bo")
    git.write(f"{FOLDER}/vault.yml", payment_token(shop.directory))
    git.commit("Rotate Staging's payment token", "Chen")


def update_staging(shop: Shop) -> None:
    """Deploy the bad release to Staging as the pipeline would."""
    commit_update(shop)
    deploy(shop, "staging", BAD_RELEASE)
