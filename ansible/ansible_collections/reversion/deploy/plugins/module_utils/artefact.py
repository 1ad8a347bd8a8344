# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""The artefact of a release, as an open file that has the wanted checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any
from urllib.parse import urlsplit

from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure, plain

_BLOCK = 1 << 20
_SOCKET_TIMEOUT = 30
_ARCHIVES = {
    "tar": (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz"),
    "zip": (".zip",),
}


class Artefact:
    """A readable file, its SHA-256 and its name."""

    def __init__(self, file: IO[bytes], sha256: str, name: str) -> None:
        self.file = file
        self.sha256 = sha256
        self.name = name


def is_url(src: str) -> bool:
    return src.startswith(("http://", "https://"))


def shown(src: str) -> str:
    """Return the source without a query, where tokens may be."""
    return src.partition("?")[0] if is_url(src) else src


def check(src: str, checksum: str | None) -> None:
    """Refuse a source that can't be right, before anything is looked at."""
    if not is_url(src):
        if not os.path.isabs(src):
            raise Failure(f"src '{plain(src, 80)}' is neither a whole path nor an http(s) address", "Correct it")
        return
    try:
        parts = urlsplit(src)
    except ValueError:
        raise Failure("src is no address", "Correct it") from None
    if "@" in parts.netloc:
        raise Failure("src has a user or password in its address", "Give them in headers, as Authorization")
    if src.startswith("http:") and not checksum:
        raise Failure(f"src {shown(src)} is not encrypted", "Give its checksum, or use https")


def format_of(src: str) -> str:
    """Tell the format by the name, or by what is there."""
    if not is_url(src) and os.path.isdir(src):
        return "directory"
    name = shown(src).lower()
    return next((kind for kind, ends in _ARCHIVES.items() if name.endswith(ends)), "file")


def wanted_sum(checksum: str | None) -> str | None:
    """Return the hexadecimal digits of `sha256:...`."""
    if checksum is None:
        return None
    kind, _, digits = checksum.partition(":")
    if kind != "sha256" or len(digits) != 64 or set(digits.lower()) - set("0123456789abcdef"):
        raise Failure(f"checksum '{plain(checksum, 80)}' is not sha256: and 64 digits", "Correct it")
    return digits.lower()


@contextmanager
def opened(src: str, digits: str | None, headers: Mapping[str, Any], download: str) -> Iterator[Artefact]:
    """Open the artefact, downloaded to the file `download` where it is far; refuse one that is not as wanted."""
    if not is_url(src):
        with open(src, "rb") as file:
            yield _checked(file, digits, src)
        return
    try:
        with open(download, "w+b") as file:
            _download(src, digits, headers, file)
            yield _checked(file, digits, src)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(download)


def _checked(file: IO[bytes], digits: str | None, src: str) -> Artefact:
    """Read it through the same open file that is unpacked later, so that it can't be swapped in between."""
    file.seek(0)
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(_BLOCK), b""):
        digest.update(block)
    file.seek(0)
    if digits and digest.hexdigest() != digits:
        raise Failure(
            f"{shown(src)} is not the wanted artefact: its checksum is sha256:{digest.hexdigest()}, "
            f"wanted is sha256:{digits}; nothing was changed",
            "Correct the checksum, or publish the artefact again",
        )
    return Artefact(file, digest.hexdigest(), os.path.basename(shown(src)) or "artefact")


def _download(src: str, digits: str | None, headers: Mapping[str, Any], file: IO[bytes]) -> None:
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(src)
    for name, value in headers.items():
        request.add_unredirected_header(str(name), str(value))  # not sent to where a redirect leads
    try:
        with urllib.request.urlopen(request, timeout=_SOCKET_TIMEOUT) as answer:
            if not digits and not answer.geturl().startswith("https://"):
                raise Failure(f"{shown(src)} leads to an address that is not encrypted", "Give its checksum")
            for block in iter(lambda: answer.read(_BLOCK), b""):
                file.write(block)
    except (http.client.HTTPException, urllib.error.URLError, ValueError) as error:
        told = f"{shown(src)} can't be downloaded: {plain(str(error))}"
        raise Failure(told, "Try its address on this host") from error
