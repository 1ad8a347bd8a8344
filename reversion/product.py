"""The product file, `reversion.yaml`: what a product is made of, as values."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator, model_validator

from reversion.errors import UnknownName
from reversion.feature_settings import FeatureSettings
from reversion.names import (
    ENVIRONMENT_PATTERN,
    Argument,
    EnvironmentName,
    RelativePath,
    ServiceName,
    Text,
    VariableName,
)
from reversion.text import Value
from reversion.version_sources import VersionName, VersionSource


class Observe(Value):
    """How a service's version is read on each of its hosts; exactly one of `url`, `file`, `command`.

    `{name}` in a text stands for the host's Ansible variable of that name, and `{service}` for the service.
    """

    url: Text | None = None
    file: Text | None = None
    command: tuple[Text, ...] | None = None
    field: Text | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(way is not None for way in (self.url, self.file, self.command)) != 1:
            raise ValueError("needs exactly one of url, file or command")
        for text in (self.url or "", self.file or "", *(self.command or ())):
            if "{{" in text or "{%" in text or "{#" in text:
                raise ValueError("write {name} for an Ansible variable; '{{', '{%' and '{#' are not allowed")
        return self


class Service(Value):
    """A microservice: where its source is, how a version names a commit, where it runs."""

    name: ServiceName
    repository: Text
    tracked: tuple[Text, ...] = ("main",)
    ref: Text | None = None
    paths: tuple[RelativePath, ...] = ()
    hosts: Text
    depends_on: tuple[ServiceName, ...] = ()
    migrations: tuple[Text, ...] = ()
    observe: Observe | None = None
    variables: dict[VariableName, str] = {}
    version_name: VersionName | None = None

    @field_validator("repository")
    @classmethod
    def _is_plain_address(cls, repository: str) -> str:
        if repository.startswith("-") or re.match(r"\w+::", repository):
            raise ValueError("is no URL and no path that Git can clone from")
        if re.match(r"\w+://[^/]*:[^/]*@", repository):
            raise ValueError("holds a password; give it to Git's credential helper and leave it out here")
        return repository

    @field_validator("hosts")
    @classmethod
    def _is_host_pattern(cls, hosts: str) -> str:
        if hosts.startswith(("-", "@")) or "{{" in hosts or "{%" in hosts:
            raise ValueError("must be an inventory group or host pattern")
        return hosts

    @field_validator("variables")
    @classmethod
    def _is_own(cls, variables: dict[str, str]) -> dict[str, str]:
        for name in variables:
            if name.startswith(("reversion_", "ansible_")):
                raise ValueError(f"'{name}' belongs to Reversion or Ansible; choose another name")
        return variables

    @field_validator("ref")
    @classmethod
    def _holds_version(cls, ref: str | None) -> str | None:
        if ref is not None and ref.count("{version}") != 1:
            raise ValueError('must hold {version} exactly once, e.g. "v{version}"')
        return ref

    @field_validator("tracked")
    @classmethod
    def _is_branch(cls, tracked: tuple[str, ...]) -> tuple[str, ...]:
        for branch in tracked:
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}", branch) or ".." in branch:
                raise ValueError(f"'{branch}' is no branch name")
        if not tracked:
            raise ValueError("needs at least one branch")
        return tracked

    @property
    def key(self) -> str:
        """What `{service}` stands for in the product's version sources."""
        return self.version_name or self.name

    def references(self, version: str) -> tuple[str, ...]:
        """Return the names under which Git may know the version, in the order to try."""
        return tuple(
            form.replace("{version}", version) for form in ([self.ref] if self.ref else ["{version}", "v{version}"])
        )


class Schedule(Value):
    """When snapshots are taken by themselves."""

    cron: Text
    timezone: Text = "UTC"

    @field_validator("cron")
    @classmethod
    def _has_five_fields(cls, cron: str) -> str:
        if not re.fullmatch(r"[0-9A-Za-z*,/#-]+( +[0-9A-Za-z*,/#-]+){4}", cron):
            raise ValueError('must have five fields, e.g. "0 2 * * *" for every night at two')
        return cron

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("is no time zone, e.g. Europe/Berlin") from error
        return timezone


class Environment(Value):
    """Dev, Test, UAT, Staging, Live ...: one inventory, one way to observe it, rules for reverting it."""

    name: EnvironmentName
    inventory: RelativePath
    restore: RelativePath | None = None
    configure: RelativePath | None = None
    observe: Observe
    configuration: tuple[RelativePath, ...] = ()
    keep_current: tuple[RelativePath, ...] = ()
    approvers: tuple[Text, ...] = ()
    approval_timeout: int = Field(default=86_400, ge=5, le=30 * 86_400)
    on_failure: Literal["stop", "continue", "return"] = "stop"
    restore_retries: int = Field(default=2, ge=0, le=20)
    retry_delay: int = Field(default=10, ge=0, le=3600)
    restore_timeout: int = Field(default=1800, ge=1, le=86_400)
    production_tests: tuple[ServiceName, ...] = ()
    test_variables: dict[VariableName, str] = {}
    shared_hosts: tuple[Text, ...] = ()
    nightly: Schedule | None = None
    test_before_snapshot: bool = False
    hold: int = Field(default=86_400, ge=0, le=366 * 86_400)


class ProductionTest(Value):
    """A command, run in the snapshot's tree, that proves an environment; exit code 0 means passed."""

    name: ServiceName
    command: tuple[Argument, ...] = Field(min_length=1)
    timeout: int = Field(default=300, ge=1, le=86_400)
    retries: int = Field(default=0, ge=0, le=10)
    junit: RelativePath | None = None
    pass_environment: tuple[VariableName, ...] = ()


class Product(Value):
    """All that `reversion.yaml` says, names resolved and checked against each other."""

    product: Annotated[str, StringConstraints(pattern=ENVIRONMENT_PATTERN)]
    services: dict[ServiceName, Service] = Field(min_length=1)
    environments: dict[EnvironmentName, Environment] = Field(min_length=1)
    features: FeatureSettings = FeatureSettings()
    production_tests: dict[ServiceName, ProductionTest] = {}
    versions: tuple[VersionSource, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_children(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        named = {key: value for key, value in raw.items() if key != "schema"}
        for section in ("services", "environments", "production_tests"):
            children = named.get(section)
            if isinstance(children, Mapping):
                named[section] = {
                    key: ({"hosts": key} if section == "services" else {}) | dict(child) | {"name": key}
                    if isinstance(child, Mapping)
                    else child
                    for key, child in children.items()
                }
        return named

    def service(self, name: str) -> Service:
        """Return the service, or raise UnknownName."""
        if name not in self.services:
            raise UnknownName.among("service", name, tuple(self.services))
        return self.services[name]

    def environment(self, name: str) -> Environment:
        """Return the environment, or raise UnknownName."""
        if name not in self.environments:
            raise UnknownName.among("environment", name, tuple(self.environments))
        return self.environments[name]

    def others(self, environment: Environment) -> tuple[Environment, ...]:
        return tuple(other for other in self.environments.values() if other.name != environment.name)

    def tests_of(self, environment: Environment) -> tuple[ProductionTest, ...]:
        return tuple(self.production_tests[name] for name in environment.production_tests)
