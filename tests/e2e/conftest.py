"""One Prefect server for all end-to-end tests, also where several workers of pytest-xdist run them.

It tells what they do apart by the product, so the product of each module has a name of its own.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.server import Server, shared_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    own = tmp_path_factory.getbasetemp()
    with shared_server((own if worker_id == "master" else own.parent) / "prefect") as used:
        yield used
