"""What happened in the orders."""

from examples.shop.histories.values import Change, Edit, History, added

ORDERS: History = (
    Change("Place an order", feature="SHOP-11", author="Bo", release="1.0.0"),
    Change(
        "Reserve the stock before the charge",
        (
            Edit(
                '    if order["total"]:\n',
                '    order |= call("inventory", "/reserve", {"items": request["items"]})\n    if order["total"]:\n',
            ),
        ),
        feature="SHOP-15",
        author="Bo",
        release="1.1.0",
    ),
    Change(
        "Tell the payment the order's number",
        (
            Edit(
                '{"amount": order["total"]}',
                '{"amount": order["total"], "number": number}',
            ),
        ),
        feature="PAY-5",
        author="Dana",
        release="1.2.0",
    ),
    Change(
        "Give a loyalty point for each whole unit spent",
        (
            Edit(
                '    return {"charged": 0} | order\n',
                '    earned = {"account": account["id"], "points": order["total"] // 100}\n'
                '    return {"charged": 0} | order | call("accounts", "/points", earned)\n',
            ),
        ),
        feature="SHOP-21",
        author="Chen",
        files=(("migrations/0003_points.sql", "ALTER TABLE orders ADD COLUMN points integer DEFAULT 0;\n"),),
        release="1.3.0",
    ),
    Change(
        "List the orders of an account",
        (
            Edit(
                "NUMBERS = itertools.count(1001)\n",
                "NUMBERS = itertools.count(1001)\nPLACED: list[Any] = []\n",
            ),
            Edit(
                '    earned = {"account"',
                '    PLACED.append(order)\n    earned = {"account"',
            ),
            added(
                "orders",
                '@route("GET", "/orders")\n'
                "def placed(query: dict[str, Any]) -> dict[str, Any]:\n"
                '    """List the orders of an account."""\n'
                '    mine = [order for order in PLACED if order["account"] == query.get("account")]\n'
                '    return {"orders": mine}\n',
            ),
        ),
        feature="SHOP-28",
        release="1.4.0",
    ),
)
