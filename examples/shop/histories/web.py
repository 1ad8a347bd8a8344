"""What happened in the web."""

from examples.shop.histories.values import Change, Edit, History, Revert, added

_NOTHING = "    return []\n"

WEB: History = (
    Change("SHOP-10 Show the products", feature="SHOP-11", release="1.0.0"),
    Change(
        "Pay with a gift card",
        (Edit('("account", "items")', '("account", "items", "gift_card")'),),
        feature="SHOP-12",
    ),
    Change(
        "Say that the order is reserved",
        (Edit(_NOTHING, '    return ["<p>We keep your order for you until it is paid.</p>"]\n'),),
        feature="SHOP-15",
        author="Bo",
        release="1.1.0",
    ),
    Change(
        "SHOP-18 Add a search box",
        (
            Edit("products(_: dict", "products(query: dict"),
            Edit("from typing import Any\n", "from typing import Any\nfrom urllib.parse import quote\n"),
            Edit(
                '    """List the products."""\n    return call("catalog", "/products")\n',
                '    """List the products, those with a word in their title when one is given."""\n'
                '    word = quote(query.get("word", ""))\n'
                '    return call("catalog", f"/products?word={word}")\n',
            ),
        ),
        author="Bo",
    ),
    Change(
        "Show what others bought",
        (
            added(
                "web",
                '@route("GET", "/recommended")\n'
                "def recommended(query: dict[str, Any]) -> Any:\n"
                '    """Show what others bought."""\n'
                '    return call("catalog", "/recommended")\n',
            ),
        ),
        feature="SHOP-23",
        author="Chen",
        release="1.2.0",
    ),
    Revert("Show what others bought", "Customers felt watched."),
    Change(
        "Thank for loyalty",
        (
            Edit(
                '    return call("orders", "/orders", wanted)\n',
                '    order = call("orders", "/orders", wanted)\n'
                '    return order | {"thanks": f"You now have {order.get(\'points\', 0)} points."}\n',
            ),
        ),
        feature="SHOP-21",
        author="Chen",
        release="1.3.0",
    ),
    Change(
        "Show the orders of an account",
        (
            added(
                "web",
                '@route("GET", "/orders")\n'
                "def orders(query: dict[str, Any]) -> Any:\n"
                '    """Show the orders of an account."""\n'
                '    return call("orders", f"/orders?account={quote(query[\'account\'])}")\n',
            ),
        ),
        feature="SHOP-28",
        release="1.4.0",
    ),
)
