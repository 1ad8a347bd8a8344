"""The web: the shop as its customers see it."""

import html
from typing import Any

from server import CONFIGURATION, Problem, call, house_rules, route, serve

CHECKOUT = ("account", "items")
PAGE = """<!doctype html><title>Shop</title><h1>Shop</h1><p>{banner}</p>
<ul>{products}</ul>{more}"""


def sections() -> list[str]:
    """Return what the page shows below the products."""
    return []


@route("GET", "/")
def page(_: dict[str, Any]) -> str:
    """Show the shop."""
    listed = call("catalog", "/products")
    rows = [f"<li>{html.escape(p['title'])} {p['price'] / 100:.2f}</li>" for p in listed["products"]]
    banner = html.escape(house_rules()["banner"])
    return PAGE.format(banner=banner, products="".join(rows), more="".join(sections()))


@route("GET", "/products")
def products(_: dict[str, Any]) -> Any:
    """List the products."""
    return call("catalog", "/products")


@route("GET", "/account")
def account(query: dict[str, Any]) -> Any:
    """Show who is logged in."""
    return call("accounts", f"/account?id={query['id']}")


@route("POST", "/checkout")
def checkout(request: dict[str, Any]) -> Any:
    """Buy what is in the cart."""
    wanted = {key: request[key] for key in CHECKOUT if key in request}
    return call("orders", "/orders", wanted)


@route("GET", "/status")
def status(_: dict[str, Any]) -> dict[str, str]:
    """Tell which version of each service answers behind this page."""
    return {name: _version_of(name) for name in sorted(CONFIGURATION["services"])}


def _version_of(name: str) -> str:
    try:
        return str(call(name, "/version")["version"])
    except Problem as problem:
        return str(problem)


if __name__ == "__main__":
    serve("web")
