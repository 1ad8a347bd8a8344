#!/bin/sh
# Write the two lock files anew from pyproject.toml. Needs uv (`pip install uv`).
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml "$@"
}
compile --output-file requirements/runtime.txt
compile --extra postgresql --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
