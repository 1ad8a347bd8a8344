"""The payment: charges a card through the provider, in cents."""

import hashlib
from typing import Any

from server import Problem, route, secret, serve


def settle(amount: int) -> int:
    """Have the provider settle the amount and return what it took."""
    if not secret("provider_token"):
        raise Problem(503, "the provider does not know us")
    return amount


@route("POST", "/charge")
def charge(order: dict[str, Any]) -> dict[str, Any]:
    """Charge an order."""
    amount = int(order["amount"])
    return {"charged": settle(amount)}


@route("GET", "/provider")
def provider(_: dict[str, Any]) -> dict[str, Any]:
    """Tell which token is in use, without telling the token."""
    return {"token": hashlib.sha256(secret("provider_token").encode()).hexdigest()[:8]}


if __name__ == "__main__":
    serve("payment")
