"""The inventory: how many of each product are in the warehouse."""

from typing import Any

from server import SETTINGS, route, serve

STOCK = dict.fromkeys(("mug", "lamp", "tea", "book"), int(SETTINGS["first_stock"]))


@route("GET", "/stock")
def stock(_: dict[str, Any]) -> dict[str, Any]:
    """Tell how many there are."""
    return {"stock": STOCK}


if __name__ == "__main__":
    serve("inventory")
