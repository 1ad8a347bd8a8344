"""Which version of each service an environment runs: the further down the value chain, the older."""

from examples.shop.layout import Versions


def _versions(*numbers: str) -> Versions:
    names = ("accounts", "cart", "catalog", "inventory", "orders", "payment", "web")
    return dict(zip(names, numbers, strict=True))


VERSIONS = {
    "dev": _versions("1.2.0", "1.3.0", "1.4.0", "1.2.0", "1.4.0", "1.4.0", "1.4.0"),
    "test": _versions("1.2.0", "1.2.0", "1.3.0", "1.2.0", "1.3.0", "1.3.0", "1.3.0"),
    "uat": _versions("1.2.0", "1.1.1", "1.2.0", "1.2.0", "1.2.0", "1.2.0", "1.2.0"),
    "staging": _versions("1.2.0", "1.1.1", "1.2.0", "1.1.0", "1.2.0", "1.2.0", "1.2.0"),
    "live": _versions("1.0.0", "1.0.0", "1.0.0", "1.0.0", "1.0.0", "1.1.0", "1.0.0"),
}
BAD_RELEASE = VERSIONS["test"]
"""Charges whole units only, and lacks the gift cards' fix: in Test, only the smoke test is run."""
