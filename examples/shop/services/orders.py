"""The orders: turns a cart into a paid order."""

import itertools
from typing import Any

from server import call, route, serve

NUMBERS = itertools.count(1001)


@route("POST", "/orders")
def place(request: dict[str, Any]) -> dict[str, Any]:
    """Place an order."""
    number = next(NUMBERS)
    account = call("accounts", f"/account?id={request['account']}")
    order = {"number": number, "account": account["id"]} | call("cart", "/total", request)
    if order["total"]:
        order |= call("payment", "/charge", {"amount": order["total"]})
    return {"charged": 0} | order


if __name__ == "__main__":
    serve("orders")
