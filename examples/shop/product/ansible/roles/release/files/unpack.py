"""Unpack an artefact into a release's directory, whole or not at all: ARTEFACT DIRECTORY."""

import shutil
import sys
import tarfile
from pathlib import Path

artefact, directory = sys.argv[1], Path(sys.argv[2])
mark = directory / "ARTEFACT"
if mark.is_file() and mark.read_text() == artefact:
    sys.exit()
half = directory.with_name(f".{directory.name}.half")
shutil.rmtree(half, ignore_errors=True)
half.mkdir(parents=True)
with tarfile.open(artefact) as tar:
    tar.extractall(half, filter="data")
(half / mark.name).write_text(artefact)
shutil.rmtree(directory, ignore_errors=True)
half.rename(directory)
print("unpacked")
