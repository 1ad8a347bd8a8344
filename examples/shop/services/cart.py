"""The cart: what an order costs, in cents."""

from typing import Any

from server import SETTINGS, Problem, call, route, serve


def lines_of(items: dict[str, int]) -> list[dict[str, Any]]:
    """Price each line of the cart."""
    prices = {product["id"]: product["price"] for product in call("catalog", "/products")["products"]}
    unknown = set(items) - set(prices)
    if unknown:
        raise Problem(404, f"no product {', '.join(sorted(unknown))}")
    return [{"id": key, "quantity": count, "price": prices[key] * count} for key, count in items.items()]


def shipping_for(goods: int) -> int:
    """Tell what shipping costs for goods of this price."""
    return int(SETTINGS["shipping"]) if goods else 0


@route("POST", "/total")
def total(order: dict[str, Any]) -> dict[str, Any]:
    """Add it all up."""
    lines = lines_of(order["items"])
    goods = sum(line["price"] for line in lines)
    shipping = shipping_for(goods)
    paid_by_card = 0

    return {
        "lines": lines,
        "shipping": shipping,
        "gift_card": paid_by_card,
        "total": goods + shipping - paid_by_card,
    }


if __name__ == "__main__":
    serve("cart")
