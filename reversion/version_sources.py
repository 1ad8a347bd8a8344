"""Where a product's own repository says which versions belong together: the product file's `versions`. Pure."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reversion.names import RelativePath, Text
from reversion.text import Value

_ENVIRONMENT = "{environment}"
_SERVICE = ("{service}", "{SERVICE}")
_USUAL = (
    (".gitmodules", "{kind: submodules}"),
    ("versions.yaml", "{kind: mapping, files: [PATH]}"),
    ("versions.yml", "{kind: mapping, files: [PATH]}"),
    ("versions.json", "{kind: mapping, files: [PATH]}"),
    ("install.json", "{kind: list, files: [PATH]}"),
    ("compose.yaml", "{kind: compose, files: [PATH]}"),
    ("compose.yml", "{kind: compose, files: [PATH]}"),
    ("docker-compose.yaml", "{kind: compose, files: [PATH]}"),
    ("docker-compose.yml", "{kind: compose, files: [PATH]}"),
    ("values.yaml", "{kind: mapping, files: [PATH], field: '{service}.image.tag'}"),
    (".env", "{kind: env, files: [PATH]}"),
)
"""Names under which companies keep versions, and what to write for each; the most telling first."""
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")


def _holding(*allowed: str) -> AfterValidator:
    def check(text: str) -> str:
        for found in _BRACES.findall(text):
            if found not in allowed:
                known = f"known here: {', '.join(allowed)}" if allowed else "write it out"
                raise ValueError(f"must hold no '{found}'; {known}")
        return text

    return AfterValidator(check)


def _once(*names: str, example: str) -> AfterValidator:
    def check(text: str) -> str:
        if sum(text.count(name) for name in names) > 1:
            raise ValueError(f"must hold {' or '.join(names)} only once, e.g. {example}")
        return text

    return AfterValidator(check)


def _is_dotted(field: str) -> str:
    if "" in field.split("."):
        raise ValueError("must be names with single dots between them, e.g. images.tags")
    return field


def _has_version(form: str) -> str:
    if form.count("{version}") != 1:
        raise ValueError('must hold {version} exactly once, e.g. "v{version}"')
    return form


def _has_some(files: tuple[str, ...]) -> tuple[str, ...]:
    if not files:
        raise ValueError("must not be empty")
    return files


def _has_at_most_two(keys: tuple[str, ...]) -> tuple[str, ...]:
    if len(keys) > 2:
        raise ValueError("must be the keys of name and version, or the one key that holds both")
    return keys


SourceFiles = Annotated[
    tuple[Annotated[RelativePath, _holding(_ENVIRONMENT, *_SERVICE)], ...], AfterValidator(_has_some)
]
Called = Annotated[Text, _holding(*_SERVICE), _once(*_SERVICE, example="mod-{service}")]
Written = Annotated[Text, AfterValidator(_has_version), _holding("{version}", *_SERVICE)]
ListField = Annotated[Text, AfterValidator(_is_dotted), _holding(_ENVIRONMENT)]
ServiceField = Annotated[
    Text,
    AfterValidator(_is_dotted),
    _holding(_ENVIRONMENT, *_SERVICE),
    _once(*_SERVICE, example="{service}.image.tag"),
]
VersionName = Annotated[Text, _holding()]
"""What `{service}` stands for in a product's version sources, where it is not the service's name."""


class _Source(Value):
    called: Called = "{service}"

    def name_of(self, key: str) -> str:
        """Return what a service is called there; `key` is its name, or its `version_name`."""
        return named(self.called, key)


class Submodules(_Source):
    """Git submodules of the product: the commit that each stands at, by its path or its path's last folder."""

    kind: Literal["submodules"]


class ListFile(_Source):
    """A JSON or YAML list; an entry has a name and a version, or one text with both: `mod-inventory-1.2.3`."""

    kind: Literal["list"]
    files: SourceFiles
    field: ListField | None = None
    keys: Annotated[tuple[Text, ...], AfterValidator(_has_at_most_two)] = ()
    written: Written = "{version}"


class MappingFile(Value):
    """A JSON or YAML file in which a version stands at a path of keys, e.g. a Helm chart's values."""

    kind: Literal["mapping"]
    files: SourceFiles
    field: ServiceField = "{service}"
    written: Written = "{version}"

    def parts(self) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
        """Return the keys above the service's, the form of the service's (empty: there is none), those below."""
        keys = tuple(self.field.split("."))
        for place, key in enumerate(keys):
            if any(name in key for name in _SERVICE):
                return keys[:place], key, keys[place + 1 :]
        return keys, "", ()

    def name_of(self, key: str) -> str:
        """Return the service's key, or nothing where one version is every service's."""
        return named(self.parts()[1], key)


class EnvFile(_Source):
    """A file of variables, such as `CART_VERSION=1.2.3`."""

    kind: Literal["env"]
    files: SourceFiles = (".env",)
    called: Called = "{SERVICE}_VERSION"
    written: Written = "{version}"


class ComposeFile(_Source):
    """A Compose file: the tags of its services' images, with variables from `env_files`.

    Without `env_files` it is the file `.env` beside the Compose file, where there is one.
    """

    kind: Literal["compose"]
    files: SourceFiles = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
    env_files: tuple[Annotated[RelativePath, _holding(_ENVIRONMENT)], ...] = ()
    written: Written = "{version}"


FileSource = ListFile | MappingFile | EnvFile | ComposeFile
VersionSource = Annotated[Submodules | FileSource, Field(discriminator="kind")]
KINDS: dict[str, type[Value]] = {
    "submodules": Submodules,
    "list": ListFile,
    "mapping": MappingFile,
    "env": EnvFile,
    "compose": ComposeFile,
}


def suggest(files: tuple[str, ...], environments: tuple[str, ...] = ()) -> str:
    """Return an entry of `versions` that may fit the product's files, as it is written in reversion.yaml.

    A folder that is called as one of the environments stands for all of them.
    """
    for wanted, entry in _USUAL:
        for path in files:
            if path.rpartition("/")[2] == wanted and re.fullmatch(r"[A-Za-z0-9._/-]+", path):
                general = "/".join(_ENVIRONMENT if part in environments else part for part in path.split("/"))
                return entry.replace("PATH", path if general == path else f'"{general}"')
    return _USUAL[1][1].replace("PATH", "versions.yaml")


def named(form: str, key: str) -> str:
    """Write a service's key into a form; `{SERVICE}` is the key in capitals, all but letters and digits as `_`."""
    capitals = re.sub(r"[^A-Za-z0-9]", "_", key).upper()
    return form.replace("{service}", key).replace("{SERVICE}", capitals)


def needs_environment(source: VersionSource) -> bool:
    """Tell whether the source may say something else for each environment."""
    return _ENVIRONMENT in source.model_dump_json()


def for_environment(source: VersionSource, environment: str) -> VersionSource:
    """Return the source with the environment's name in its paths and fields."""
    return type(source).model_validate_json(source.model_dump_json().replace(_ENVIRONMENT, environment))
