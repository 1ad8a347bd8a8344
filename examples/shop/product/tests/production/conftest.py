"""Where the shop is: SHOP_URL names the page of the environment that is to be proven."""

import json
import os
import urllib.error
import urllib.request
from typing import Any

import pytest


class Shop:
    """The shop as a customer reaches it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        try:
            answer = urllib.request.urlopen(self.url + path, data, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            said = answer.read().decode(errors="replace")
        assert answer.status == 200, f"{path} answers {answer.status}: {said}"
        return json.loads(said)

    def buy(self, account: str = "ana", *, gift_card: bool = False, **items: int) -> Any:
        return self.ask("/checkout", {"account": account, "items": items, "gift_card": gift_card})


@pytest.fixture
def shop() -> Shop:
    return Shop(os.environ["SHOP_URL"])
