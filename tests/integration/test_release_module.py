"""The `release` module, run by Ansible, brings a real service to a version and proves it."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.playing import release
from tests.released import Service, a_service, an_artefact, names


@pytest.fixture
def cart(tmp_path: Path) -> Iterator[Service]:
    service = a_service(tmp_path)
    yield service
    service.stop()


def answer(cart: Service) -> Any:
    with urllib.request.urlopen(cart.url) as response:  # noqa: S310
        return json.load(response)


def test_goes_up_and_back_and_a_second_time_changes_nothing(cart: Service, tmp_path: Path) -> None:
    old, new = an_artefact(tmp_path, "1.4.0"), an_artefact(tmp_path, "1.5.0")

    calls = [
        cart.wanted("1.4.0", old),
        cart.wanted("1.5.0", new),
        cart.wanted("1.5.0", new),
        cart.wanted("1.4.0", old),
    ]
    first, up, again, back = release(tmp_path, *calls)

    assert first["changed_parts"] == ["release", "current", "restart"]
    assert (first["previous"], up["previous"], again["previous"]) == ("", "1.4.0", "1.4.0")
    assert up["health"] == {"version": "1.5.0", "problem": ""}
    assert (again["changed"], again["changed_parts"]) == (False, [])
    assert (back["changed_parts"], back["previous"]) == (["current", "restart"], "1.5.0")
    assert (cart.linked("current"), cart.restarts) == ("releases/1.4.0", 3)
    assert answer(cart)["app"]["version"] == "1.4.0"


def test_changed_configuration_alone_restarts_the_same_release(cart: Service, tmp_path: Path) -> None:
    artefact = an_artefact(tmp_path, "1.4.0")
    one, two = ([{"dest": "config.json", "content": json.dumps({"pool": size})}] for size in (1, 2))

    calls = [cart.wanted("1.4.0", artefact, config=config) for config in (one, two, two)]
    first, changed, same = release(tmp_path, *calls, diff=True)

    assert first["changed_parts"] == ["release", "config", "current", "restart"]
    assert changed["changed_parts"] == ["config", "restart"]
    assert [(diff["before"], diff["after"]) for diff in changed["diff"]] == [('{"pool": 1}', '{"pool": 2}')]
    assert (same["changed"], same["diff"], cart.restarts) == (False, [], 2)
    assert answer(cart)["config"] == {"pool": 2}


def test_check_mode_says_what_would_change_and_changes_nothing(cart: Service, tmp_path: Path) -> None:
    config = [{"dest": "config.json", "content": "{}"}]

    wanted = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"), config=config)
    (told,) = release(tmp_path, wanted, check=True, diff=True)

    assert told["changed_parts"] == ["release", "config", "current", "restart"]
    assert [diff["after"] for diff in told["diff"]] == ["{}", "1.4.0\n"]
    assert told["health"] == {"version": "", "problem": "the service refused the connection"}
    assert not cart.root.exists()


def test_a_running_version_that_is_not_the_wanted_one_is_restarted(cart: Service, tmp_path: Path) -> None:
    wanted = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"))
    release(tmp_path, wanted)
    cart.stop()

    (again,) = release(tmp_path, wanted)

    assert again["changed_parts"] == ["restart"]
    assert answer(cart)["app"]["version"] == "1.4.0"


def test_a_restart_that_a_killed_run_left_to_do_is_done_by_the_next(cart: Service, tmp_path: Path) -> None:
    wanted = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"))
    kills_itself = {**wanted, "command": ["sh", "-c", "kill -9 $PPID"]}
    config = [{"dest": "config.json", "content": "{}"}]

    _, killed, last, idle = release(
        tmp_path,
        wanted,
        {**kills_itself, "config": config},
        {**wanted, "config": config},
        {**wanted, "config": config},
    )

    assert killed["failed"]
    assert (last["changed_parts"], idle["changed"]) == (["restart"], False)
    assert answer(cart)["config"] == {}


def test_nobody_else_works_on_a_service_meanwhile(cart: Service, tmp_path: Path) -> None:
    wanted = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"))
    waits = {**wanted, "command": ["flock", "--nonblock", str(cart.root), "true"], "health": None}

    (held,) = release(tmp_path, waits)

    assert "'flock --nonblock" in held["msg"]
    assert "ended with 1" in held["msg"]


@pytest.mark.parametrize(
    ("policy", "runs", "told"),
    [
        ("keep", "releases/1.5.0", "cart/current stays at 1.5.0"),
        ("back", "releases/1.4.0", "taken back to 1.4.0, which runs"),
    ],
)
def test_an_unhealthy_release_fails_and_stays_or_is_taken_back(
    cart: Service, tmp_path: Path, policy: str, runs: str, told: str
) -> None:
    shared = str(cart.root / "shared.json")
    good = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"), config=[{"dest": shared, "content": "old"}])
    bad = cart.wanted("1.5.0", an_artefact(tmp_path, "1.5.0", says="broken"))
    bad |= {"on_unhealthy": policy, "config": [{"dest": shared, "content": "new"}]}
    bad["health"] = {**bad["health"], "timeout": 1.5}

    _, failed = release(tmp_path, good, bad)

    assert failed["failed"]
    assert failed["msg"].startswith(
        f"cart: 1.5.0 was not seen within 1.5 seconds at {cart.url}; last the service refused the connection; "
    )
    assert told in failed["msg"]
    assert failed["health"]["problem"] == "the service refused the connection"
    assert cart.linked("current") == runs
    assert Path(shared).read_text() == {"keep": "new", "back": "old"}[policy]


def test_a_service_that_answers_with_another_version_is_told(cart: Service, tmp_path: Path) -> None:
    wanted = cart.wanted("1.5.0", an_artefact(tmp_path, "1.5.0", says="1.4.9"))
    wanted["health"] = {**wanted["health"], "timeout": 1.5}

    (failed,) = release(tmp_path, wanted)

    assert "last it says 1.4.9" in failed["msg"]
    assert failed["health"]["version"] == "1.4.9"


def test_the_current_and_the_previous_release_are_never_removed(cart: Service, tmp_path: Path) -> None:
    artefacts = {f"1.{number}": an_artefact(tmp_path, f"1.{number}") for number in range(4)}
    by_hand = cart.root / "releases" / "0.9"
    by_hand.mkdir(parents=True)
    half = cart.root / "releases" / ".gone-0.1"
    half.mkdir()

    def call(version: str, keep: int) -> dict[str, Any]:
        return cart.wanted(version, artefacts[version], keep=keep, command=None, health=None)

    results = release(tmp_path, *(call(f"1.{n}", 3) for n in range(4)), call("1.1", 1))

    assert [result["removed"] for result in results] == [[], [], [], ["1.0"], ["1.2"]]
    assert names(cart.root / "releases") == ["0.9", "1.1", "1.3"]
    assert cart.linked("previous") == "releases/1.3"


def test_sensitive_content_is_in_nothing_that_the_module_returns(cart: Service, tmp_path: Path) -> None:
    config = [{"dest": "token", "content": "s3cr3t", "sensitive": True}, {"dest": "open", "content": "public"}]

    wanted = cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"), config=config, command=None, health=None)
    wanted |= {"headers": {"Authorization": "Bearer t0k3n"}}
    (told,) = release(tmp_path, wanted, diff=True)

    written = cart.root / "releases" / "1.4.0" / "token"
    assert (written.read_text(), written.stat().st_mode & 0o777) == ("s3cr3t", 0o600)
    assert "public" in str(told)
    assert "s3cr3t" not in str(told)
    assert "t0k3n" not in str(told)


def test_what_the_command_starts_does_not_know_of_ansible(cart: Service, tmp_path: Path) -> None:
    kept = tmp_path / "environment"
    command = ["sh", "-c", f"env > {kept}"]

    release(tmp_path, cart.wanted("1.4.0", an_artefact(tmp_path, "1.4.0"), command=command, health=None))

    names = {line.partition("=")[0] for line in kept.read_text().splitlines()}
    assert "PATH" in names
    assert not [name for name in names if name.startswith(("ANSIBLE_", "AWX_"))]
