"""The histories of the shop's services: which feature came when, what was reverted, what was picked."""

from examples.shop.histories.accounts import ACCOUNTS
from examples.shop.histories.cart import CART
from examples.shop.histories.catalog import CATALOG
from examples.shop.histories.inventory import INVENTORY
from examples.shop.histories.orders import ORDERS
from examples.shop.histories.payment import PAYMENT
from examples.shop.histories.web import WEB

HISTORIES = {
    "accounts": ACCOUNTS,
    "cart": CART,
    "catalog": CATALOG,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "payment": PAYMENT,
    "web": WEB,
}
