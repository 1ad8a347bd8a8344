"""What happened in the inventory."""

from examples.shop.histories.values import Change, Edit, History, added

INVENTORY: History = (
    Change("Keep the stock of each product", feature="SHOP-11", author="Bo", release="1.0.0"),
    Change(
        "Reserve stock for an order",
        (
            Edit("SETTINGS, route, serve", "SETTINGS, Problem, route, serve"),
            added(
                "inventory",
                '@route("POST", "/reserve")\n'
                "def reserve(order: dict[str, Any]) -> dict[str, Any]:\n"
                '    """Take an order\'s products out of the stock, all or none."""\n'
                '    missing = [key for key, count in order["items"].items() if STOCK.get(key, 0) < count]\n'
                "    if missing:\n"
                '        raise Problem(409, f"not enough of {missing[0]}")\n'
                '    for key, count in order["items"].items():\n'
                "        STOCK[key] -= count\n"
                '    return {"reserved": True}\n',
            ),
        ),
        feature="SHOP-15",
        author="Bo",
        release="1.1.0",
    ),
    Change(
        "Tell which products are nearly sold out",
        (
            Edit(
                '{"stock": STOCK}',
                '{"stock": STOCK, "few": [key for key, count in STOCK.items() if count < 5]}',
            ),
        ),
        feature="SHOP-26",
        release="1.2.0",
    ),
)
