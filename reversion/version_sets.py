"""A version set: the versions of a product's services that belong together at one of its commits. Pure."""

import re
from collections.abc import Iterable, Mapping

from reversion.environment import VERSION_PATTERN
from reversion.product import Service
from reversion.snapshot import Recorded
from reversion.text import Value, counted, plain
from reversion.version_files import Told
from reversion.version_sources import EnvFile, FileSource, named

_VERSION = re.compile(VERSION_PATTERN.removesuffix("$"))
_SHOWN = 10


class Named(Value):
    """One service in a version set; without a version the problem says why it can't be told.

    The commit is told where the set itself names it.
    """

    version: str | None = None
    commit: str = ""
    problem: str = ""


class Reading(Value):
    """What one source says at a commit, by service; names that are no service's; files that are not there."""

    services: dict[str, Named] = {}
    foreign: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class VersionSet(Value):
    """What a reference (commit, tag, branch or snapshot of the product) means.

    A service that is not in the set does not run there. The set is common where it was asked for of one
    environment and is the same for all.
    """

    reference: str
    commit: str
    environment: str = ""
    is_common: bool = False
    services: dict[str, Named] = {}
    foreign: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    def versions(self) -> dict[str, str | None]:
        """Return by service what names its commit: the commit itself where it is told, else the version."""
        return {name: one.commit or one.version for name, one in self.services.items()}

    def notes(self) -> tuple[str, ...]:
        """Say in sentences what is left out, missing, or not known."""
        told = [f"{self.reference} has no {gone}, which is left out." for gone in self.absent]
        if self.is_common:
            told.append(f"{self.reference}: the versions there are the same for every environment.")
        if self.foreign:
            told.append(f"{self.reference}: no services of the product, so left out: {_listed(self.foreign)}.")
        if self.unnamed:
            told.append(f"{self.reference}: not named there, so taken as not running: {_listed(self.unnamed)}.")
        for name, one in self.services.items():
            if one.problem:
                told.append(f"{self.reference}: {name} is unknown: {one.problem.rstrip('.')}.")
        return tuple(told)


def version_of(told: Told, service: Service, source: FileSource) -> Named:
    """Read the version out of what a file says of a service; a text that is no version makes it unknown."""
    if told.problem:
        return Named(problem=told.problem)
    form = re.escape(source.written).replace(r"\{version\}", "(?P<version>.+)")
    for name in ("{service}", "{SERVICE}"):
        form = form.replace(re.escape(name), re.escape(named(name, service.key)))
    found = re.fullmatch(form, told.text)
    version = found["version"] if found else told.text
    if _VERSION.fullmatch(version):
        return Named(version=version)
    allowed = "a version has letters, digits and any of . _ + -, at most 128, a letter or digit first"
    return Named(problem=f"'{plain(version, 60)}' is no version: {allowed}")


def fits(source: FileSource, name: str) -> bool:
    """Tell whether a name may be a service's: of variables only those that look like it."""
    if not isinstance(source, EnvFile):
        return True
    return re.fullmatch(re.sub(r"\\\{(service|SERVICE)\\\}", ".+", re.escape(source.called)), name) is not None


def merge(reference: str, commit: str, services: Iterable[str], readings: tuple[Reading, ...]) -> VersionSet:
    """Take of each service what the first source with a version for it says.

    A service that no source names does not run there, unless a file was missing that might have named it.
    """
    absent = tuple(path for reading in readings for path in reading.absent)
    found: dict[str, Named] = {}
    for name in services:
        said = [reading.services[name] for reading in readings if name in reading.services]
        if said:
            found[name] = next((one for one in said if one.version), said[0])
        elif absent:
            found[name] = Named(problem=f"nothing names it, and there is no {_listed(absent)}")
    used = {name for reading in readings for name in reading.foreign}
    return VersionSet(
        reference=reference,
        commit=commit,
        services=found,
        foreign=tuple(sorted(plain(name, 80) for name in used)),
        absent=absent,
        unnamed=tuple(name for name in services if name not in found),
    )


def of_snapshot(recorded: Recorded, services: Mapping[str, Service]) -> VersionSet:
    """Return the versions that a snapshot holds, of the services that the product has now."""
    snapshot = recorded.snapshot
    return VersionSet(
        reference=recorded.tag,
        commit=snapshot.product_commit,
        environment=snapshot.environment,
        services={
            name: Named(version=one.version, commit=one.commit or "", problem=one.problem)
            for name, one in snapshot.services.items()
            if name in services
        },
        foreign=tuple(name for name in snapshot.services if name not in services),
        unnamed=tuple(name for name in services if name not in snapshot.services),
    )


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {counted(more, 'more', 'more')}" if more > 0 else "")
