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
from urllib.parse import SplitResult, urlsplit

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_ORDINARY = re.compile(r"[!-~]+")


def get(url: str, seconds: float, limit: int) -> tuple[str | None, str]:
    """Return the text of an answer with status 200, or None and why not; raise OSError where there is none."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname and "@" not in parts.netloc and _ORDINARY.fullmatch(url):
        status, head, body = _exchange(parts, seconds, limit)
        if status == 200 and b"\r\ntransfer-encoding:" not in head and b"\r\ncontent-encoding:" not in head:
            return _text(body, _length(head), limit)
        if status >= 400:
            return None, f"the service answered HTTP {status}"
    if parts.scheme not in ("http", "https"):
        return None, "the address is neither http nor https"
    return _thorough(url, seconds, limit)


def _exchange(parts: SplitResult, seconds: float, limit: int) -> tuple[int, bytes, bytes]:
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
    length = _length(head.lower())
    return bool(end) and length is not None and len(body) >= length


def _length(head: bytes) -> int | None:
    found = re.search(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", head + b"\r\n")
    return int(found.group(1)) if found else None


def _text(body: bytes, length: int | None, limit: int) -> tuple[str | None, str]:
    """Return the body as text; half of an answer could look like another version."""
    if (length is not None and len(body) < length) or len(body) > limit:
        return None, "the answer is not whole"
    return body[:length].decode("utf-8", "replace"), ""


def _thorough(url: str, seconds: float, limit: int) -> tuple[str | None, str]:
    import http.client
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            if answer.status != 200:
                return None, f"the service answered HTTP {answer.status}"
            length = answer.headers.get("Content-Length", "")
            return _text(answer.read(limit + 1), int(length) if length.isdecimal() else None, limit)
    except urllib.error.HTTPError as error:
        return None, f"the service answered HTTP {error.code}"
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError):
            raise error.reason from None
        return None, str(error.reason)
    except (http.client.HTTPException, ValueError):
        return None, "the answer is no HTTP"
