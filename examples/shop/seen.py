"""What runs where, asked of the services themselves and not of Reversion."""

import hashlib
import json
import urllib.request

from examples.shop.layout import PLACES, Shop

Seen = dict[str, str]


def look(shop: Shop, environment: str) -> Seen:
    """Return `service@host` and what it says that it is and how long it has been running."""
    return {
        f"{service}@{environment}-{number}": _ask(shop.url(environment, service, number))
        for number, services in PLACES.items()
        for service in services
    }


def fingerprint(seen: Seen) -> str:
    """Return twelve digits that change when any instance has another version or was restarted."""
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:12]


def _ask(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError as error:
        return str(error)
