"""What is missing or in the way where Reversion runs is told in a sentence, with an exit code of ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reversion.adapters.ansible_settings import run_command, surroundings
from reversion.adapters.catalogue_engine import open_engine
from reversion.adapters.prefect_api import find_address, write_private
from reversion.errors import InvalidInput, PlaybookFailed, ServerFailed, WorldFailed
from tests.builders import a_product
from tests.small_product import SmallProduct, make_small_product


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallProduct:
    return make_small_product(tmp_path_factory.mktemp("small"))


def command(small: SmallProduct, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    own = {"REVERSION_PRODUCT": str(small.product), "REVERSION_HOME": str(small.directory / "state")}
    return subprocess.run(
        [sys.executable, "-m", "reversion.cli", *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | own | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def only(folder: Path, *names: str) -> str:
    """Return a PATH that has these programs only."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def test_without_git_that_is_said(small: SmallProduct, tmp_path: Path) -> None:
    done = command(small, "observe", "staging", PATH=only(tmp_path / "bin", "sh"))

    assert done.returncode == 3
    assert done.stderr == "reversion: There is no git in PATH. Install Git where this runs.\n"


def test_without_ssh_local_hosts_are_observed(small: SmallProduct, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host elsewhere\n  ProxyJump jump\n")

    done = command(small, "observe", "staging", PATH=only(tmp_path / "bin", "git", "sh"), HOME=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "1.1.0" in done.stdout


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(None, id="no such command"),
        pytest.param("exit 127", id="a shim without a command behind it"),
        pytest.param("echo \"ModuleNotFoundError: No module named 'ansible'\" >&2; exit 1", id="no package"),
    ],
)
def test_without_ansible_the_world_failed_and_not_the_product(tmp_path: Path, script: str | None) -> None:
    around = surroundings(tmp_path, a_product().environment("staging"))
    program = tmp_path / "ansible-inventory"
    if script:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)

    with pytest.raises(PlaybookFailed, match=r"ansible-inventory is not installed\. Install ansible-core"):
        run_command(around, str(program))


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://", "ftp://127.0.0.1/api", "127.0.0.1:4200/api", "http://\udcff"]
)
def test_what_is_no_address_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)

    with pytest.raises(InvalidInput, match="PREFECT_API_URL is no"):
        find_address(tmp_path)


def test_a_password_that_is_no_text_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "user:\udcff")

    with pytest.raises(InvalidInput, match="PREFECT_API_AUTH_STRING is not UTF-8"):
        find_address(tmp_path)


def test_a_kept_password_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    write_private(tmp_path / "serve.json", '{"url": "http://127.0.0.1:9/api", "auth": "kept"}')
    (tmp_path / "auth").write_bytes(b"user:\xff")

    with pytest.raises(WorldFailed, match="can't be read: it is not UTF-8"):
        find_address(tmp_path)


@pytest.mark.parametrize(
    "url", ["no url", "postgresql://host:port/db", "sqlite:////tmp/none/x.db?timeout=soon", "mysql+pymysql://h/d?x"]
)
def test_a_catalogue_that_is_none_is_told_as_such(url: str) -> None:
    with pytest.raises(ServerFailed) as error:
        open_engine(url)

    assert "REVERSION_CATALOGUE" in error.value.message or "Python package" in error.value.message


@pytest.mark.parametrize(("what", "is_folder"), [("logs", False), ("auth", True)])
def test_what_is_in_the_way_of_serve_is_named(
    tmp_path: Path, small: SmallProduct, what: str, is_folder: bool
) -> None:
    place = tmp_path / "small" / what
    place.parent.mkdir()
    place.mkdir() if is_folder else place.touch()

    done = command(small, "serve", "--port", "1", REVERSION_HOME=str(tmp_path))

    assert done.returncode == 3
    assert str(place) in done.stderr
    assert len(done.stderr.splitlines()) == 1
