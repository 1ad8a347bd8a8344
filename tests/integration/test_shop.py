"""The example shop is a real product: it builds, deploys, breaks as told, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.shop import hosts
from examples.shop.build import build
from examples.shop.environments import DeploymentFailed, deploy, stop
from examples.shop.git import Git
from examples.shop.histories import HISTORIES
from examples.shop.layout import ENVIRONMENTS, PLACES, SERVICES, Host, Shop, open_shop
from examples.shop.update import commit_update
from examples.shop.versions import BAD_RELEASE, VERSIONS
from reversion.adapters.checks import run_check
from reversion.adapters.documents import read_entries, read_product
from reversion.adapters.repository import Repository
from reversion.outcome import Check
from reversion.product import Product


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose Staging runs the versions that it should."""
    directory = tmp_path_factory.mktemp("shop")
    try:
        built = build(directory)
        deploy(built, "staging", VERSIONS["staging"])
        yield built
    finally:
        stop(directory)


def test_the_product_file_and_the_feature_entries_are_valid(shop: Shop) -> None:
    product = product_of(shop)
    repository = Repository(shop.product)

    entries = read_entries(repository, repository.newest(), "features/*.yaml", tuple(product.services))

    assert tuple(product.services) == SERVICES
    assert tuple(product.environments) == ENVIRONMENTS
    assert {entry.id for entry in entries} == features_named_by_the_histories()


def test_every_version_that_an_environment_runs_is_a_tag(shop: Shop) -> None:
    for service in SERVICES:
        tags = Git(shop.repositories / service)("tag", "--list").split()

        assert {f"v{VERSIONS[name][service]}" for name in ENVIRONMENTS} <= set(tags)


def test_no_two_environments_run_the_same(shop: Shop) -> None:
    assert len({json.dumps(versions) for versions in VERSIONS.values()}) == len(ENVIRONMENTS)


def test_the_cart_of_staging_and_of_the_bad_release_have_diverged(shop: Shop) -> None:
    git = Git(shop.repositories / "cart")

    ahead, behind = git("rev-list", "--left-right", "--count", "v1.1.1...v1.2.0").split()

    assert int(ahead) > 0
    assert int(behind) > 0


def test_every_instance_serves_the_version_that_was_deployed(shop: Shop) -> None:
    for number, services in PLACES.items():
        for service in services:
            told = ask(f"{shop.url('staging', service, number)}/version")

            assert told == {"service": service, "version": VERSIONS["staging"][service]}


def test_staging_passes_its_production_tests(shop: Shop) -> None:
    checks = prove(shop)

    assert [check.message for check in checks if not check.passed] == []
    assert sum(len(check.cases) for check in checks) == 7


def test_the_bad_release_breaks_the_checkout_and_going_back_mends_it(shop: Shop) -> None:
    broken = ("cart", "payment")
    deploy(shop, "staging", {name: BAD_RELEASE[name] for name in broken})
    smoke, checkout = prove(shop)
    deploy(shop, "staging", {name: VERSIONS["staging"][name] for name in broken})
    again = prove(shop)

    assert smoke.passed
    failed = {case.name.rpartition(".")[2] for case in checkout.cases if case.state == "failed"}
    assert failed == {
        "test_the_customer_is_charged_what_the_cart_says",
        "test_a_gift_card_pays_no_more_than_the_order_costs",
    }
    assert all(check.passed for check in again)


def test_the_services_do_what_ansible_has_configured(shop: Shop) -> None:
    before = ask(f"{shop.url('staging')}/checkout", account="ana", items={"tea": 1})["shipping"]
    token = ask(f"{shop.url('staging', 'payment')}/provider")
    commit_update(shop)
    deploy(shop, "staging", {name: VERSIONS["staging"][name] for name in ("cart", "payment")})
    after = ask(f"{shop.url('staging')}/checkout", account="ana", items={"tea": 1})["shipping"]
    page = urllib.request.urlopen(shop.url("staging")).read().decode()  # noqa: S310

    assert (before, after) == (490, 690)
    assert "the November release" in page
    assert ask(f"{shop.url('staging', 'payment')}/provider") != token


def test_no_secret_is_readable_in_the_product(shop: Shop) -> None:
    vault = (shop.product / "ansible/inventories/staging/group_vars/all/vault.yml").read_text()

    assert "$ANSIBLE_VAULT;1.1;AES256" in vault
    assert "token-" not in vault


def test_a_version_that_does_not_exist_is_not_deployed(shop: Shop) -> None:
    with pytest.raises(DeploymentFailed, match=r"no version 9\.9\.9"):
        deploy(shop, "staging", {"web": "9.9.9"})

    assert ask(f"{shop.url('staging')}/version")["version"] == VERSIONS["staging"]["web"]


def test_a_directory_that_is_not_empty_is_refused(shop: Shop) -> None:
    with pytest.raises(SystemExit, match="not empty"):
        build(shop.directory)


def test_nothing_runs_after_stop_which_needs_only_the_directory(tmp_path: Path) -> None:
    shop = build(tmp_path / "shop")
    deploy(shop, "dev", {"inventory": "1.2.0", "catalog": "1.4.0"})
    before = processes_of(shop.directory)

    stop(shop.directory)

    assert len(before) == 2
    assert processes_of(shop.directory) == []


def test_a_foreign_process_with_a_number_from_a_pid_file_is_left_alone(tmp_path: Path) -> None:
    run = tmp_path / "hosts" / "staging-1" / "run"
    run.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as foreign:
        (run / "catalog.pid").write_text(f"{foreign.pid}\n")

        stop(tmp_path)

        assert foreign.poll() is None
        os.kill(foreign.pid, signal.SIGTERM)


@pytest.mark.sshd
def test_hosts_can_be_reached_by_ssh(tmp_path: Path) -> None:
    directory = tmp_path / "shop"
    try:
        shop = build(directory, ssh=True)
        hosts.start(shop, ("live",))
        deploy(shop, "live", {"inventory": "1.0.0"})

        assert ask(f"{shop.url('live', 'inventory')}/version")["version"] == "1.0.0"
        assert open_shop(directory) == shop
        assert len(processes_of(directory)) >= 3
    finally:
        stop(directory)
    assert processes_of(directory) == []


@pytest.mark.server
def test_the_story_leaves_nothing_behind_when_it_is_ended(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    command = [sys.executable, "-m", "reversion.cli", "demo", "--yes", "--directory", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as story:
        assert story.stdout is not None
        while b"ansible-playbook" not in story.stdout.readline():
            assert story.poll() is None
        wait_until(lambda: any(b"service.py" in line for line in processes_of(directory)))
        story.terminate()
        story.stdout.read()

    assert story.returncode == 128 + signal.SIGTERM
    assert processes_of(directory) == []
    assert not directory.exists()


def test_every_host_has_an_address_of_its_own() -> None:
    addresses = {Host(environment, number).address for environment in ENVIRONMENTS for number in PLACES}

    assert len(addresses) == 10
    assert all(address.startswith("127.0.") for address in addresses)


def product_of(shop: Shop) -> Product:
    repository = Repository(shop.product)
    head = repository.newest()
    text = repository.read(head, "reversion.yaml")
    assert text is not None
    return read_product(text, "reversion.yaml", repository.list_files(head))


def prove(shop: Shop) -> tuple[Check, ...]:
    product = product_of(shop)
    staging = product.environment("staging")
    return tuple(run_check(test, shop.product, staging.test_variables) for test in product.tests_of(staging))


def ask(url: str, **body: object) -> dict[str, object]:
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(url, data, timeout=10) as answer:  # noqa: S310
        told: dict[str, object] = json.load(answer)
        return told


def wait_until(question: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


def features_named_by_the_histories() -> set[str]:
    named = {event.feature for history in HISTORIES.values() for event in history if hasattr(event, "feature")}
    return {name for name in named if name} | {"SHOP-10", "SHOP-18", "SHOP-27"}


def processes_of(directory: Path) -> list[bytes]:
    """Return the command lines that name the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(directory) + b"/" in line:
                found.append(line)
    return found
