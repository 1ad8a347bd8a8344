"""How the story is told: chapters, and the commands as a person would type them."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from examples.shop.layout import Shop

_ELSEWHERE = ("PREFECT_", "REVERSION_", "ANSIBLE_")


class StoryEndedError(Exception):
    """A chapter did not go as it should; the message says what to look at."""


@dataclass
class Telling:
    """The chapters told so far, and when the story began."""

    begun: float = field(default_factory=time.monotonic)
    number: int = 0

    def chapter(self, title: str, sentence: str) -> None:
        self.number += 1
        print(f"\n{self.number}. {title}  [{self.seconds():.0f} s]\n   {sentence}", flush=True)

    def seconds(self) -> float:
        return time.monotonic() - self.begun


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"   {what} ...", end=" ", flush=True)
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        print("stopped.", flush=True)
        raise
    print(f"done in {time.monotonic() - begun:.1f} s.", flush=True)


def environment_of(shop: Shop) -> dict[str, str]:
    """Return the environment of every command: all state is in the shop's directory, no other server is asked."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_ELSEWHERE)}
    return own | {
        "REVERSION_PRODUCT": str(shop.product),
        "REVERSION_HOME": str(shop.directory / "state"),
        "PREFECT_HOME": str(shop.directory / "state" / "prefect"),
        "DO_NOT_TRACK": "1",
    }


def reversion(shop: Shop, *arguments: str) -> int:
    """Run a `reversion` command in front of everybody and return its exit code."""
    show("reversion", shlex.join(arguments))
    return subprocess.run(_reversion(*arguments), env=environment_of(shop), check=False).returncode


def reversion_says(shop: Shop, *arguments: str) -> str:
    """Run a `reversion` command that has to go well and return what it printed, having shown it."""
    show("reversion", shlex.join(arguments))
    ended = subprocess.run(
        _reversion(*arguments), env=environment_of(shop), stdout=subprocess.PIPE, text=True, check=False
    )
    print(ended.stdout, end="", flush=True)
    if ended.returncode:
        raise StoryEndedError(f"'reversion {shlex.join(arguments)}' ended with {ended.returncode}.")
    return ended.stdout


def start_reversion(shop: Shop, log: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a `reversion` command that goes on in the background, out of reach of the terminal's Ctrl-C."""
    show("reversion", *arguments, "&")
    with log.open("wb") as output:
        return subprocess.Popen(
            _reversion("--product", str(shop.product), *arguments),
            env=environment_of(shop),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def production_test(shop: Shop, environment: str, name: str) -> int:
    """Run one production test by hand and return its exit code."""
    variables = {
        "SHOP_URL": shop.url(environment),
        "SHOP_URLS": " ".join(shop.url(environment, number=number) for number in (1, 2)),
    }
    command = ("pytest", "-q", "--no-header", "--tb=no", f"tests/production/{name}")
    show(f"SHOP_URL={variables['SHOP_URL']}", *command)
    return subprocess.run(
        (sys.executable, "-m", *command),
        cwd=shop.product,
        env=environment_of(shop) | variables | {"COLUMNS": "200"},
        check=False,
    ).returncode


def show(*words: str) -> None:
    print(f"\n   $ {' '.join(words)}", flush=True)


def _reversion(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "reversion.cli", *arguments)
