"""Customers can buy, and pay what they were told."""

import pytest


def has_gift_cards(shop):
    return "gift_card" in shop.ask("/account?id=ana")


def test_the_cart_adds_up_the_prices(shop):
    prices = {product["id"]: product["price"] for product in shop.ask("/products")["products"]}

    order = shop.buy(mug=2, tea=1)

    assert order["total"] == 2 * prices["mug"] + prices["tea"] + order["shipping"]


def test_the_customer_is_charged_what_the_cart_says(shop):
    order = shop.buy(lamp=1)

    assert order["charged"] == order["total"], (
        f"charged {order['charged'] / 100:.2f}, the cart said {order['total'] / 100:.2f}"
    )


def test_a_gift_card_pays(shop):
    if not has_gift_cards(shop):
        pytest.skip("this version has no gift cards")

    order = shop.buy(lamp=1, gift_card=True)

    assert order["gift_card"] == shop.ask("/account?id=ana")["gift_card"]


def test_a_gift_card_pays_no_more_than_the_order_costs(shop):
    if not has_gift_cards(shop):
        pytest.skip("this version has no gift cards")

    order = shop.buy("bo", tea=1, gift_card=True)

    assert order["total"] == order["charged"] == 0
