"""The shop is there."""

import os
import re
import urllib.request

import pytest


@pytest.mark.parametrize("url", os.environ["SHOP_URLS"].split())
def test_the_page_shows_products(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        page = answer.read().decode()

    assert "Enamel mug" in page


def test_every_service_answers(shop):
    status = shop.ask("/status")

    assert len(status) == 7
    assert not [name for name, version in status.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)]
