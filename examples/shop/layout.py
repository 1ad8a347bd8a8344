"""Where everything of a shop is: services, hosts, addresses, ports and folders."""

import json
import random
import socket
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("accounts", "cart", "catalog", "inventory", "orders", "payment", "web")
ENVIRONMENTS = ("dev", "test", "uat", "staging", "live")
PLACES = {
    1: ("accounts", "cart", "catalog", "web"),
    2: ("inventory", "orders", "payment", "web"),
}
"""Which services run on an environment's first and second host."""

Versions = dict[str, str]


@dataclass(frozen=True)
class Host:
    """One host of an environment. Its address is one of loopback's, which only Linux answers all of."""

    environment: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.environment}-{self.number}"

    @property
    def address(self) -> str:
        return f"127.0.{ENVIRONMENTS.index(self.environment) + 1}.{self.number}"


@dataclass(frozen=True)
class Shop:
    """A shop that was built. Nothing of it is outside of `directory`."""

    directory: Path
    base_port: int
    ssh: bool = False

    @property
    def product(self) -> Path:
        return self.directory / "product"

    @property
    def repositories(self) -> Path:
        return self.directory / "services"

    @property
    def ssh_port(self) -> int:
        return self.base_port

    def port(self, service: str) -> int:
        return self.base_port + 1 + SERVICES.index(service)

    def root(self, host: Host) -> Path:
        """Return the folder that stands for the host's disk."""
        return self.directory / "hosts" / host.name

    def url(self, environment: str, service: str = "web", number: int | None = None) -> str:
        """Return a service's address, on its first host unless another one is asked for."""
        return f"http://{Host(environment, number or first_place(service)).address}:{self.port(service)}"

    def save(self) -> None:
        text = json.dumps({"base_port": self.base_port, "ssh": self.ssh})
        (self.directory / "shop.json").write_text(text)


def open_shop(directory: Path) -> Shop:
    """Return the shop that was built in the directory."""
    directory = directory.resolve()
    return Shop(directory, **json.loads((directory / "shop.json").read_text()))


def hosts(environment: str) -> tuple[Host, ...]:
    return tuple(Host(environment, number) for number in PLACES)


def first_place(service: str) -> int:
    return min(number for number, services in PLACES.items() if service in services)


def free_base_port() -> int:
    """Return a port from which on eight are free at every host's address."""
    addresses = [host.address for environment in ENVIRONMENTS for host in hosts(environment)]
    for _ in range(200):
        base = random.randrange(20_000, 32_000, 10)  # noqa: S311  no secret
        if all(_is_free(address, base + step) for address in addresses for step in range(8)):
            return base
    raise RuntimeError("No free ports from 20000 to 32000. Name one with --base-port.")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
