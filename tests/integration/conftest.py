"""Databases of each kind; a small product that many tests begin with, made once."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgresql import running_postgresql
from tests.small_product import SmallProduct


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a throwaway server."""
    with running_postgresql() as server:
        yield f"postgresql://{server.address}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.db'}"
    server: str = request.getfixturevalue("postgresql")
    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return server.removesuffix("postgres") + name


@pytest.fixture
def small(original: SmallProduct) -> Iterator[SmallProduct]:
    """What the module's fixture `original` made and kept, for each test anew."""
    original.take_back()
    with original.at_home():
        yield original
