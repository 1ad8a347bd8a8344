"""The accounts: who buys."""

from typing import Any

from server import Problem, route, serve

NAMES = {"ana": "Ana", "bo": "Bo"}


def known(account: str) -> str:
    """Return the account's id, or say that there is none."""
    if account not in NAMES:
        raise Problem(404, f"no account {account}")
    return account


@route("GET", "/account")
def account(query: dict[str, Any]) -> dict[str, Any]:
    """Show one account."""
    which = known(query.get("id", ""))
    return {"id": which, "name": NAMES[which]}


if __name__ == "__main__":
    serve("accounts")
