"""Unpack an artefact into a release's directory, whole or not at all, and write its configuration beside it.

ARTEFACT DIRECTORY CONFIGURATION, the last in base64.
"""

import base64
import os
import shutil
import sys
import tarfile
from pathlib import Path

artefact, directory, encoded = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
configuration = directory / "config.json"
wanted = base64.b64decode(encoded)


def unpack() -> None:
    """Unpack beside the directory, then put it in place."""
    half = directory.with_name(f".{directory.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    careful = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # a host's Python may be older than that
    with tarfile.open(artefact) as tar:
        tar.extractall(half, **careful)  # noqa: S202  (made by this product's own builds)
    (half / "ARTEFACT").write_text(artefact)
    shutil.rmtree(directory, ignore_errors=True)
    half.rename(directory)


mark = directory / "ARTEFACT"
if not mark.is_file() or mark.read_text() != artefact:
    unpack()
if configuration.is_file() and configuration.read_bytes() == wanted:
    print("unchanged")
else:
    draft = configuration.with_suffix(f".{os.getpid()}")
    draft.write_bytes(wanted)
    draft.rename(configuration)
