"""What happened in the accounts."""

from examples.shop.histories.values import Change, Edit, History, added

ACCOUNTS: History = (
    Change("Know who buys", feature="SHOP-11", author="Dana", release="1.0.0"),
    Change(
        "Keep gift cards",
        (
            Edit(
                '"bo": "Bo"}\n',
                '"bo": "Bo"}\nGIFT_CARDS = {"ana": 1500, "bo": 10_000}\n',
            ),
            Edit('"name": NAMES[which]}', '"name": NAMES[which], "gift_card": GIFT_CARDS[which]}'),
        ),
        feature="SHOP-12",
        author="Dana",
        release="1.1.0",
    ),
    Change(
        "Count loyalty points",
        (
            Edit('"bo": 10_000}\n', '"bo": 10_000}\nPOINTS = {"ana": 0, "bo": 0}\n'),
            Edit('"gift_card": GIFT_CARDS[which]}', '"gift_card": GIFT_CARDS[which], "points": POINTS[which]}'),
            added(
                "accounts",
                '@route("POST", "/points")\n'
                "def points(request: dict[str, Any]) -> dict[str, Any]:\n"
                '    """Add loyalty points."""\n'
                '    which = known(request["account"])\n'
                '    POINTS[which] += int(request["points"])\n'
                '    return {"points": POINTS[which]}\n',
            ),
        ),
        feature="SHOP-21",
        author="Chen",
        release="1.2.0",
    ),
)
