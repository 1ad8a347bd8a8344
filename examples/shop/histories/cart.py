"""What happened in the cart. Version 1.1.1 has a fix that 1.2.0 lacks: neither holds the other."""

from examples.shop.histories.values import Change, Edit, History, Pick

CART: History = (
    Change("Add up what an order costs", feature="SHOP-11", author="Chen", release="1.0.0"),
    Change(
        "Let a gift card pay",
        (
            Edit(
                "    paid_by_card = 0\n",
                '    card = call("accounts", f"/account?id={order[\'account\']}")["gift_card"]\n'
                '    paid_by_card = card if order.get("gift_card") else 0\n',
            ),
        ),
        feature="SHOP-12",
        author="Chen",
        release="1.1.0",
    ),
    Change(
        "SHOP-27 Ship large orders for nothing",
        (
            Edit(
                '    return int(SETTINGS["shipping"]) if goods else 0\n',
                '    return int(SETTINGS["shipping"]) if 0 < goods < int(SETTINGS["free_from"]) else 0\n',
            ),
        ),
        author="Bo",
        release="1.2.0",
    ),
    Change(
        "Never let a gift card pay more than the order costs",
        (
            Edit(
                '    paid_by_card = card if order.get("gift_card") else 0\n',
                '    paid_by_card = min(card, goods + shipping) if order.get("gift_card") else 0\n',
            ),
        ),
        feature="SHOP-30",
        release="1.3.0",
    ),
    Pick("Never let a gift card pay more than the order costs", onto="1.1.0", release="1.1.1"),
)
