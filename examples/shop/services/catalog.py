"""The catalogue: what the shop sells, and for how much (prices in cents)."""

from typing import Any

from server import SETTINGS, route, serve

PRODUCTS = (
    {"id": "mug", "title": "Enamel mug", "price": 1295},
    {"id": "lamp", "title": "Desk lamp", "price": 3490},
    {"id": "tea", "title": "Green tea", "price": 645},
    {"id": "book", "title": "Notebook", "price": 875},
)


@route("GET", "/products")
def products(_: dict[str, Any]) -> dict[str, Any]:
    """List the products."""
    found = list(PRODUCTS)
    return {"currency": SETTINGS["currency"], "products": found}


if __name__ == "__main__":
    serve("catalog")
