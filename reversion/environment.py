"""What runs where: the observation of one environment."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from reversion.text import Value, digest

VERSION_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,127}$"
"""What a version may look like: nothing in it starts an option or is syntax to a shell, Jinja or Git."""

Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]


class Instance(Value):
    """One service on one host: its version, or why it could not be read."""

    service: str
    host: str
    version: Version | None = None
    problem: str = ""


class Running(Value):
    """One service in an environment, told from all of its instances."""

    service: str
    versions: tuple[Version, ...]
    problem: str = ""

    @property
    def version(self) -> str | None:
        """The one version that every instance runs; None when unknown or when instances disagree."""
        return self.versions[0] if len(self.versions) == 1 and not self.problem else None


class Observation(Value):
    """What one environment was seen to run at one time. Instances are sorted by service, then host."""

    environment: str
    taken_at: datetime
    instances: tuple[Instance, ...]

    def services(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(instance.service for instance in self.instances))

    def running(self, service: str) -> Running:
        """Fold a service's instances into one statement. A service without instances is a problem, not an absence."""
        mine = [instance for instance in self.instances if instance.service == service]
        versions = tuple(sorted({instance.version for instance in mine if instance.version}))
        unread = [f"{instance.host}: {instance.problem}" for instance in mine if instance.version is None]
        if not mine:
            return Running(service=service, versions=(), problem="no host of this environment runs it")
        if unread:
            return Running(service=service, versions=versions, problem="; ".join(unread))
        if len(versions) > 1:
            told = ", ".join(f"{instance.host} runs {instance.version}" for instance in mine)
            return Running(service=service, versions=versions, problem=f"instances disagree: {told}")
        return Running(service=service, versions=versions)

    def is_complete(self) -> bool:
        """Tell whether every service was read and its instances agree."""
        return all(self.running(service).version for service in self.services())

    def fingerprint(self) -> str:
        """Return a digest of what runs where; when it was seen, and the wording of problems, don't count."""
        return digest([[i.service, i.host, i.version] for i in self.instances])
