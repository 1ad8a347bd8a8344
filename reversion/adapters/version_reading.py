"""Read what the product's version sources said at one of its commits, out of Git and without a checkout."""

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from reversion.adapters.repository import Repository
from reversion.adapters.yaml_text import MAX_BYTES, Document, Path, Problem, UnreadableError, read_yaml
from reversion.errors import ProductInvalid
from reversion.product import Service
from reversion.text import closest, plain
from reversion.version_files import MisreadError, Told, read_content, read_variables
from reversion.version_sets import Named, Reading, fits, version_of
from reversion.version_sources import ComposeFile, EnvFile, FileSource, Submodules, VersionSource, named

_SUBMODULE = "160000"
_TODO = "Correct it and commit that, choose another commit, or leave the file out of 'versions' in reversion.yaml."


def read_sources(
    repository: Repository,
    commit: str,
    sources: tuple[VersionSource, ...],
    services: tuple[Service, ...],
    environment: str = "",
) -> tuple[Reading, ...]:
    """Return what each source said of the services at a commit id.

    An `environment` is named where the sources differ in each, and are already those of this one.

    Raise ProductInvalid, naming file, line and field, for a file that can't be read, and where none of the
    sources is there at all. A version that is none makes its service unknown.
    """
    readings = tuple(_read(repository, commit, source, services) for source in sources)
    if all(reading.absent for reading in readings):
        gone = ", no ".join(path for reading in readings for path in reading.absent)
        if environment:
            raise ProductInvalid(
                f"The product's commit {commit[:10]} has no {gone}: nothing there says what {environment} ran.",
                "Name another environment or another commit, or correct 'versions' in reversion.yaml.",
            )
        wanted = next((path for source in sources if not isinstance(source, Submodules) for path in source.files), "")
        near = closest(wanted, repository.list_files(commit)[:5000]) if wanted else None
        hint = f"Did you mean '{plain(near)}'? " if near else ""
        raise ProductInvalid(
            f"The product's commit {commit[:10]} has no {gone}.",
            f"{hint}Correct 'versions' in reversion.yaml, or choose another commit.",
        )
    return readings


def _read(repository: Repository, commit: str, source: VersionSource, services: tuple[Service, ...]) -> Reading:
    if isinstance(source, Submodules):
        return _read_submodules(repository, commit, source, services)
    return _read_files(_Files(repository, commit, _paths(source, services)), source, services)


def _read_submodules(
    repository: Repository, commit: str, source: Submodules, services: tuple[Service, ...]
) -> Reading:
    listed = (
        line.partition("\t") for line in repository.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    )
    ids = {path: facts.split(" ")[2] for facts, _, path in listed if facts.startswith(f"{_SUBMODULE} ")}
    if not ids:
        return Reading(absent=("submodules",))
    found: dict[str, Named] = {}
    used: set[str] = set()
    for service in services:
        name = source.name_of(service.key)
        paths = [name] if name in ids else [path for path in ids if path.rpartition("/")[2] == name]
        used.update(paths)
        if len(paths) == 1:
            found[service.name] = Named(version=ids[paths[0]], commit=ids[paths[0]])
        elif paths:
            several = f"there are several submodules of that name: {plain(', '.join(paths))}"
            found[service.name] = Named(problem=f"{several}; give a path as services.{service.name}.version_name")
    return Reading(services=found, foreign=tuple(path for path in ids if path not in used))


def _read_files(files: "_Files", source: FileSource, services: tuple[Service, ...]) -> Reading:
    groups: dict[str, list[Service]] = {}
    for service in services:
        if path := files.first(named(path, service.key) for path in source.files):
            groups.setdefault(path, []).append(service)
    if not groups:
        return Reading(absent=(" or ".join(source.files),))
    found: dict[str, Named] = {}
    foreign: set[str] = set()
    for path, mine in groups.items():
        names = {service.name: source.name_of(service.key) for service in mine}
        told = files.read(source, path, frozenset(names.values()))
        for service in mine:
            if said := told.get(names[service.name]):
                found[service.name] = files.name(path, said, service, source)
        foreign |= {
            name
            for name, said in told.items()
            if name not in names.values() and not said[0].problem and fits(source, name)
        }
    return Reading(services=found, foreign=tuple(foreign))


def _paths(source: FileSource, services: tuple[Service, ...]) -> tuple[str, ...]:
    paths = dict.fromkeys(named(path, service.key) for service in services for path in source.files)
    if isinstance(source, ComposeFile):
        beside = (_beside(path) for path in tuple(paths))
        paths |= dict.fromkeys(source.env_files or beside)
    return tuple(paths)


def _beside(path: str) -> str:
    return str(PurePosixPath(path).parent / ".env")


class _Files:
    """The files that a source may be in, as one commit has them; each is understood once."""

    def __init__(self, repository: Repository, commit: str, paths: tuple[str, ...]) -> None:
        self._at = f"at {commit[:10]}"
        self._texts = dict(zip(paths, repository.read_many(commit, paths), strict=True))
        self._documents: dict[str, Document] = {}

    def first(self, paths: Iterable[str]) -> str | None:
        """Return the first of the paths that the commit has."""
        return next((path for path in paths if self._texts[path] is not None), None)

    def read(self, source: FileSource, path: str, known: frozenset[str]) -> dict[str, list[Told]]:
        """Return by name what the file says."""
        told: dict[str, list[Told]] = {}
        content: Any = self._variables(path) if isinstance(source, EnvFile) else self._document(path).content
        variables = self._values(source.env_files or (_beside(path),)) if isinstance(source, ComposeFile) else {}
        try:
            for one in read_content(source, content, known, variables):
                told.setdefault(one.name, []).append(one)
        except MisreadError as error:
            raise self._invalid(path, Problem(error.path, error.message, self._line(path, error.path))) from error
        return told

    def name(self, path: str, said: list[Told], service: Service, source: FileSource) -> Named:
        """Return the service's version, or why it can't be told, and where that stands."""
        first = said[0]
        found = version_of(first, service, source)
        if len({one.text for one in said}) > 1:
            texts = " and ".join(plain(one.text, 60) for one in said[:3])
            found = Named(problem=f"{plain(first.name, 80)} stands there more than once: {texts}")
        if not found.problem:
            return found
        problem = Problem(first.path, found.problem, first.line or self._line(path, first.path))
        return Named(problem=self._placed(path, problem))

    def _line(self, path: str, at: Path) -> int:
        return self._documents[path].line(at) if path in self._documents else 0

    def _document(self, path: str) -> Document:
        if path not in self._documents:
            text = self._texts[path] or b""
            try:
                read = _read_json(text) if path.endswith(".json") else read_yaml(text, is_foreign=True)
            except UnreadableError as error:
                raise self._invalid(path, error.problem) from error
            if read.problems:
                raise self._invalid(path, read.problems[0])
            self._documents[path] = read
        return self._documents[path]

    def _variables(self, path: str) -> tuple[Told, ...]:
        text = self._texts[path] or b""
        try:
            return read_variables(_decoded(text))
        except UnreadableError as error:
            raise self._invalid(path, error.problem) from error
        except MisreadError as error:
            raise self._invalid(path, Problem(error.path, error.message, error.line)) from error

    def _values(self, paths: tuple[str, ...]) -> dict[str, str]:
        there = (path for path in paths if self._texts[path] is not None)
        return {one.name: one.text for path in there for one in self._variables(path) if not one.problem}

    def _invalid(self, path: str, problem: Problem) -> ProductInvalid:
        return ProductInvalid(f"{self._placed(path, problem)}.", _TODO)

    def _placed(self, path: str, problem: Problem) -> str:
        return f"{plain(path)} {self._at}{', ' if problem.line or problem.path else ' '}{problem}"


def _read_json(text: bytes) -> Document:
    """Read JSON with every number as it is written; raise UnreadableError."""
    try:
        content = json.loads(
            _decoded(text), parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        said = error.msg if isinstance(error, json.JSONDecodeError) else "it nests too deep"
        raise UnreadableError(f"is no JSON: {plain(said)}", line) from error
    return Document(content)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise UnreadableError("stands twice; remove one of the two", path=(key,))
        content[key] = value
    return content


def _decoded(text: bytes) -> str:
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"is {len(text)} bytes long; at most {MAX_BYTES} are read")
    try:
        return text.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableError("is not UTF-8 text", text[: error.start].count(b"\n") + 1) from error
