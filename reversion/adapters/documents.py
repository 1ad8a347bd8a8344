"""The files that people write, reversion.yaml and the feature entries: text in, checked values out."""

import re
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from reversion.adapters.product_checks import agreement, foreign_names
from reversion.adapters.repository import Repository
from reversion.adapters.wording import problem_of
from reversion.adapters.yaml_text import Document, Node, Path, Problem, UnreadableError, read_yaml
from reversion.errors import ProductInvalid
from reversion.feature_settings import CatalogueEntry
from reversion.product import Product
from reversion.text import Value, closest, glob, plain

PRODUCT_SCHEMA = "reversion.product/1"
ENTRY_SCHEMA = "reversion.feature/1"
_Model = TypeVar("_Model", bound=Value)


def read_product(text: bytes, source: str, files: tuple[str, ...]) -> Product:
    """Read and check reversion.yaml; `files` are the paths of the product's tree.

    Raise one ProductInvalid that tells everything found wrong, each with its line, field and mend.
    """
    document = _read(text, source)
    _demand_schema(document, source, PRODUCT_SCHEMA)
    content = dict(document.content) if isinstance(document.content, dict) else document.content
    if isinstance(content, dict):
        content.pop("schema")
    problems = [*document.problems, *foreign_names(document)]
    product = _validate(Product, content, document, problems)
    wrong = {problem.path for problem in problems}
    problems += [problem for problem in agreement(document, files) if problem.path not in wrong]
    if product is None or problems:
        raise _invalid(source, problems)
    return product


def read_entries(
    repository: Repository, commit: str, pattern: str | None, services: tuple[str, ...] = ()
) -> tuple[CatalogueEntry, ...]:
    """Read the feature entries that match `pattern` at a commit id, sorted by feature id.

    A file holds one entry, or a list of entries. With `services`, those that an entry names must be among them.
    """
    matching = glob(pattern) if pattern else None
    paths = tuple(path for path in repository.list_files(commit) if matching and matching.fullmatch(path))
    entries: dict[str, tuple[str, CatalogueEntry]] = {}
    for path, text in zip(paths, repository.read_many(commit, paths), strict=True):
        source = f"{path} at {commit[:10]}"
        for entry in _read_entry_file(text or b"", source):
            if entry.id in entries:
                raise ProductInvalid(
                    f"The feature {entry.id} has two entries: {entries[entry.id][0]} and {path}.",
                    "Keep one of them.",
                )
            _demand_services(entry, services, source)
            entries[entry.id] = (path, entry)
    return tuple(entries[key][1] for key in sorted(entries))


def _read_entry_file(text: bytes, source: str) -> Iterator[CatalogueEntry]:
    document = _read(text, source)
    problems = list(document.problems)
    listed = document.content if isinstance(document.content, list) else [document.content]
    entries = []
    for number, content in enumerate(listed):
        at = (number,) if isinstance(document.content, list) else ()
        if isinstance(content, dict) and "schema" in content:
            _demand_schema(Document(content, document.lines), source, ENTRY_SCHEMA)
            content = {key: value for key, value in content.items() if key != "schema"}
        entries.append(_validate(CatalogueEntry, content, document, problems, at))
    if problems:
        raise _invalid(source, problems)
    yield from (entry for entry in entries if entry)


def _read(text: bytes, source: str) -> Document:
    try:
        return read_yaml(text)
    except UnreadableError as error:
        raise _invalid(source, [error.problem]) from error


def _validate(
    model: type[_Model],
    content: Node,
    document: Document,
    problems: list[Problem],
    at: tuple[int, ...] = (),
) -> _Model | None:
    """Build the value, or add what keeps it from being built to `problems` (once for each field)."""
    try:
        return model.model_validate(content)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            found = problem_of(error, model, document, at)
            if not any(_says_more(known.path, found.path, error["type"]) for known in problems if known.path):
                problems.append(found)
        return None


def _says_more(known: Path, found: Path, kind: str) -> bool:
    """Tell whether what is known says all: of the same place or one around it, or why a list has too few members."""
    return found[: len(known)] == known or (kind == "too_short" and known[: len(found)] == found)


def _demand_schema(document: Document, source: str, wanted: str) -> None:
    if not isinstance(document.content, dict):
        raise _invalid(source, [Problem((), "must be keys and values, beginning with 'schema'")])
    found = document.content.get("schema")
    kind, _, number = wanted.rpartition("/")
    if found == wanted:
        return
    newer = re.fullmatch(re.escape(kind) + r"/(\d{1,6})", found) if isinstance(found, str) else None
    if newer and int(newer[1]) > int(number):
        raise ProductInvalid(
            f"{source} is written for a newer Reversion: its schema is {newer[0]}, this one reads {wanted}.",
            "Update Reversion.",
        )
    said = f"'schema' is '{plain(str(found), 60)}'" if found is not None else "there is no 'schema'"
    raise _invalid(source, [Problem((), f"{said}; write 'schema: {wanted}'", document.line(("schema",)))])


def _demand_services(entry: CatalogueEntry, services: tuple[str, ...], source: str) -> None:
    pulls = (pull.rpartition("#")[0] for pull in entry.pull_requests)
    commits = (commit.rpartition("@")[0] for commit in entry.exclude)
    for name in (*entry.requires, *pulls, *commits) if services else ():
        if name not in services:
            hint = closest(name, services)
            raise ProductInvalid(
                f"{source}: the feature {entry.id} names the service '{name}', which the product has not.",
                f"Did you mean '{hint}'?" if hint else f"Known: {', '.join(services[:10])}.",
            )


def _invalid(source: str, problems: list[Problem]) -> ProductInvalid:
    ordered = sorted(problems, key=lambda problem: problem.line)
    if len(ordered) == 1:
        return ProductInvalid(f"{source}, {ordered[0]}.", "Correct it, and commit it.")
    told = "".join(f"\n  {problem}." for problem in ordered[:30])
    more = f"\n  and {len(ordered) - 30} more." if len(ordered) > 30 else ""
    return ProductInvalid(f"{source} has {len(ordered)} problems:{told}{more}\n", "Correct them, and commit it.")
