# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""One GET of a small answer.

Python's own HTTP client takes longer to import than the rest of a restore takes to run, so a plain answer is
read from the socket; redirects, https and whatever is out of the ordinary are left to urllib.
"""

from __future__ import annotations

import re
import socket
import time
from urllib.parse import urlsplit

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_ORDINARY = re.compile(r"[!-~]+")


def get(url: str, seconds: float, limit: int) -> tuple[str | None, str]:
    """Return the text of an answer with status 200, or None and why not; raise OSError where there is none."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname and "@" not in parts.netloc and _ORDINARY.fullmatch(url):
        status, head, body = _exchange(parts, seconds, limit)
        if status == 200 and b"\r\ntransfer-encoding:" not in head and b"\r\ncontent-encoding:" not in head:
            return body[:limit].decode("utf-8", "replace"), ""
        if status >= 400:
            return None, f"the service answered HTTP {status}"
    return _thorough(url, seconds, limit)


def _exchange(parts, seconds: float, limit: int) -> tuple[int, bytes, bytes]:  # type: ignore[no-untyped-def]
    """Return the status (0 for what is no HTTP), the head in small letters, and the body."""
    deadline = time.monotonic() + seconds
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\nAccept: */*\r\nUser-Agent: reversion\r\n\r\n"
    received = b""
    with socket.create_connection((parts.hostname, parts.port or 80), seconds) as line:
        line.sendall(asked.encode("ascii"))
        while not _is_whole(received) and len(received) <= limit:
            line.settimeout(max(0.01, deadline - time.monotonic()))
            block = line.recv(1 << 16)
            if not block:
                break
            received += block
    head, _, body = received.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    return int(status.group(1)) if status else 0, head.lower(), body


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d{1,9})\r\n", head.lower() + b"\r\n")
    return bool(end and length) and len(body) >= int(length.group(1))  # type: ignore[union-attr]


def _thorough(url: str, seconds: float, limit: int) -> tuple[str | None, str]:
    import http.client
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            if answer.status != 200:
                return None, f"the service answered HTTP {answer.status}"
            return answer.read(limit).decode("utf-8", "replace"), ""
    except urllib.error.HTTPError as error:
        return None, f"the service answered HTTP {error.code}"
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError):
            raise error.reason from None
        return None, str(error.reason)
    except (http.client.HTTPException, ValueError):
        return None, "the answer is no HTTP"
