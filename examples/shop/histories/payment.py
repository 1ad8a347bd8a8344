"""What happened in the payment. Version 1.3.0 is the release that should never have reached Staging."""

from examples.shop.histories.values import Change, Edit, History, added

PAYMENT: History = (
    Change("Charge cards", feature="PAY-1", author="Dana", release="1.0.0"),
    Change(
        "Give money back",
        (
            added(
                "payment",
                '@route("POST", "/refund")\n'
                "def refund(order: dict[str, Any]) -> dict[str, Any]:\n"
                '    """Give an order\'s money back."""\n'
                '    return {"refunded": settle(int(order["amount"]))}\n',
            ),
        ),
        feature="PAY-3",
        author="Dana",
        release="1.1.0",
    ),
    Change(
        "Print the order's number on the card statement",
        (
            Edit(
                '    return {"charged": settle(amount)}\n',
                "    statement = f\"SHOP {order.get('number', 0)}\"\n"
                '    return {"charged": settle(amount), "statement": statement}\n',
            ),
        ),
        feature="PAY-5",
        author="Dana",
        release="1.2.0",
    ),
    Change(
        "Refuse to charge less than a cent\n\nA negative amount paid money out to whoever asked.",
        (
            Edit(
                '    amount = int(order["amount"])\n',
                '    amount = int(order["amount"])\n'
                "    if amount < 1:\n"
                '        raise Problem(422, "an amount must be at least one cent")\n',
            ),
        ),
        feature="PAY-7",
        author="Chen",
    ),
    Change(
        "Settle at once, in whole units",
        (Edit("    return amount\n", "    return round(amount, -2)\n"),),
        feature="PAY-9",
        author="Bo",
        release="1.3.0",
    ),
    Change(
        "Settle the exact amount again",
        (Edit("    return round(amount, -2)\n", "    return amount\n"),),
        feature="PAY-12",
        author="Dana",
        release="1.4.0",
    ),
)
