"""What happened in the catalogue."""

from examples.shop.histories.values import Change, Edit, History, Revert, added

CATALOG: History = (
    Change("Add the catalogue of products", feature="SHOP-10", release="1.0.0"),
    Change(
        "SHOP-18 Find products by a word of their title",
        (
            Edit("products(_: dict", "products(query: dict"),
            Edit(
                "    found = list(PRODUCTS)\n",
                '    word = query.get("word", "").lower()\n'
                '    found = [product for product in PRODUCTS if word in str(product["title"]).lower()]\n',
            ),
        ),
        author="Bo",
        release="1.1.0",
    ),
    Change(
        "Recommend what others bought",
        (
            added(
                "catalog",
                '@route("GET", "/recommended")\n'
                "def recommended(query: dict[str, Any]) -> dict[str, Any]:\n"
                '    """Recommend what others bought."""\n'
                '    return {"products": list(PRODUCTS[:2])}\n',
            ),
        ),
        feature="SHOP-23",
        author="Chen",
        release="1.2.0",
    ),
    Revert("Recommend what others bought", "Customers felt watched."),
    Change(
        "Say how many are left",
        (
            Edit("SETTINGS, route, serve", "SETTINGS, call, route, serve"),
            Edit(
                '    return {"currency": SETTINGS["currency"], "products": found}\n',
                '    stock = call("inventory", "/stock")["stock"]\n'
                '    left = [{**product, "left": stock[product["id"]]} for product in found]\n'
                '    return {"currency": SETTINGS["currency"], "products": left}\n',
            ),
        ),
        feature="SHOP-26",
        release="1.3.0",
    ),
    Change(
        "Show the cheapest first",
        (
            Edit(
                'SETTINGS["currency"], "products": left}',
                'SETTINGS["currency"], "products": sorted(left, key=lambda one: one["price"])}',
            ),
        ),
        feature="SHOP-33",
        author="Bo",
        release="1.4.0",
    ),
)
