"""Compile the laboratory's own little programs."""

import shutil
import subprocess
from pathlib import Path

_COMPILER = shutil.which("cc")


def compile_program(source: str, program: Path, *options: str) -> Path:
    """Compile one of the C files beside this one; return the program."""
    if not _COMPILER:
        raise SystemExit("There is no C compiler, which the laboratory needs. Install one (cc).")
    program.parent.mkdir(parents=True, exist_ok=True)
    file = Path(__file__).with_name(source)
    subprocess.run([_COMPILER, "-O2", "-Wall", *options, "-o", str(program), str(file)], check=True)
    return program
