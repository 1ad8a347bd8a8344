"""What files of other tools say about versions: lists, mappings, Compose files, files of variables. Pure.

Content is what a YAML or JSON file holds: texts, lists and mappings. YAML's `<<` is followed where something is
looked up and nothing is copied out, so anchors that multiply cost nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reversion.text import plain
from reversion.version_sources import ComposeFile, EnvFile, FileSource, ListFile, MappingFile

Path = tuple[str | int, ...]
_MAX_MERGED = 100
_MAX_TEXT = 10_000
_MAX_DEPTH = 20
_NO_VALUE = "needs a variable that has no value there"
_EMPTY = ("", "null", "Null", "NULL", "~")
_BOTH = re.compile(r"(?P<name>[^:=]+?)(?:==?|[@:]|-(?=v?[0-9]))(?P<version>.+)", re.DOTALL)
_BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_NAME = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)(?:[^\S\n]*=|[^\S\n]*(?=#|\n|\Z))")
_QUOTED = re.compile(r"""[^\S\n]*(?:'(?P<literal>(?:[^'\\]|\\.)*)'|"(?P<text>(?:[^"\\]|\\.)*)")""", re.DOTALL)
_BARE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"\s#.*")
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?P<way>:?[-+?])?)")


@dataclass(frozen=True)
class Told:
    """What one place says: a name, and the version as it is written there, or why there is none.

    The line is told where the path alone does not lead there.
    """

    name: str
    path: Path = ()
    text: str = ""
    problem: str = ""
    line: int = 0


class MisreadError(Exception):
    """The content has not the shape that the product file says; the path leads to where."""

    def __init__(self, path: Path, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.line = line


def read_content(
    source: FileSource, content: Any, known: frozenset[str], variables: Mapping[str, str]
) -> tuple[Told, ...]:
    """Return what a file says; `known` are the names that are looked for. Raise MisreadError.

    The content of a file of variables is what `read_variables` returned.
    """
    match source:
        case ListFile():
            return tuple(_list(source, content, known))
        case MappingFile():
            return tuple(_mapping(source, content))
        case ComposeFile():
            return tuple(_compose(content, variables))
        case EnvFile():
            return tuple(content)


def read_variables(text: str) -> tuple[Told, ...]:
    """Read a file of variables as Compose does, but for one that stands twice. Raise MisreadError."""
    found: dict[str, Told] = {}
    values: dict[str, str] = {}
    position, line = 0, 1
    while position < len(text):
        end = blank.end() if (blank := _BLANK.match(text, position)) else 0
        if not end:
            told, end = _variable(text, position, line, values)
            before = found.setdefault(told.name, told)
            if (before.text, before.problem) != (told.text, told.problem):
                raise MisreadError((told.name,), "stands twice, with two values", line)
            values |= {} if told.problem else {told.name: told.text}
        line += text.count("\n", position, end)
        position = end
    return tuple(found.values())


def expand(text: str, variables: Mapping[str, str]) -> str | None:
    """Put variables into a text as Compose does, `${NAME:-default}` included; None where one has no value."""
    expanded = _expand(text, 0, variables, 0)[0] if len(text) <= _MAX_TEXT else None
    return expanded if expanded is not None and len(expanded) <= _MAX_TEXT else None


def _list(source: ListFile, content: Any, known: frozenset[str]) -> Iterator[Told]:
    at = tuple(source.field.split(".")) if source.field else ()
    listed = _follow(content, at)
    if not isinstance(listed, list):
        raise MisreadError(at, "must be a list" if listed is not None else "is not there")
    for number, entry in enumerate(listed):
        yield _entry(source, entry, (*at, number), known)


def _entry(source: ListFile, entry: Any, path: Path, known: frozenset[str]) -> Told:
    if not isinstance(entry, dict):
        if text := _text(entry):
            return _both(text, path, known)
        raise MisreadError(path, "must be a text such as cart-1.2.3, or keys and values")
    keys = source.keys or (("name", "version") if _find(entry, "name") is not None else ("id",))
    name = _text(_find(entry, keys[0]))
    if not name:
        said = f"has no '{plain(keys[0], 60)}'" if source.keys else "has neither 'name' nor 'id'"
        raise MisreadError(path, f"{said}; name the keys that hold name and version with 'keys' in reversion.yaml")
    if len(keys) == 1:
        return _both(name, (*path, keys[0]), known)
    return _told(name, (*path, keys[1]), _find(entry, keys[1]))


def _both(text: str, path: Path, known: frozenset[str]) -> Told:
    """Part a name from a version: where a known name ends, or at `:`, `@`, `=`, or `-` before a digit."""
    for name in sorted((name for name in known if name and text.startswith(name)), key=len, reverse=True):
        if found := re.match(r"(?:==?|[@:-])(?=v?[0-9])", text[len(name) :]):
            return Told(name, path, text[len(name) + found.end() :].strip())
    parts = _BOTH.fullmatch(text)
    if parts is None:
        return Told(text, path, problem="has no version")
    return Told(parts["name"].strip(), path, parts["version"].strip())


def _mapping(source: MappingFile, content: Any) -> Iterator[Told]:
    above, form, below = source.parts()
    if not form:
        yield _told("", above, _follow(content, above))
        return
    services = _follow(content, above)
    if not isinstance(services, dict):
        raise MisreadError(above, "must be keys and values" if services is not None or not above else "is not there")
    for name, value in _members(services):
        yield _told(name, (*above, name, *below), _follow(value, below))


def _compose(content: Any, variables: Mapping[str, str]) -> Iterator[Told]:
    services = _follow(content, ("services",))
    if not isinstance(services, dict):
        raise MisreadError(("services",), "must be the services by name")
    for name, service in _members(services):
        path = ("services", name, "image")
        image = _text(_follow(service, ("image",)))
        full = expand(image, variables) if image else ""
        tag = (full or "").partition("@")[0].rpartition("/")[2].partition(":")[2]
        problem = "" if tag else f"'{plain(full or '', 80)}' has no tag" if image else "there is no image"
        if full is None:
            problem = f"'{plain(image or '', 80)}' {_NO_VALUE}"
        yield Told(name, path, tag, problem)


def _told(name: str, path: Path, node: Any) -> Told:
    text = _text(node)
    if text is None:
        return Told(name, path, problem="is a list or keys and values, and no version")
    return Told(name, path, text, "" if text else "there is no version")


def _text(node: Any) -> str | None:
    """Return a single text, empty where nothing is said; None for a list or mapping."""
    if isinstance(node, (list, dict)):
        return None
    text = "" if node is None else str(node).strip()
    return "" if text in _EMPTY else text


def _follow(node: Any, path: tuple[str, ...]) -> Any:
    """Return what is at a path of keys, or None."""
    for key in path:
        if isinstance(node, list) and key.isdecimal() and len(key) < 7 and int(key) < len(node):
            node = node[int(key)]
        else:
            node = _find(node, key) if isinstance(node, dict) else None
    return node


def _find(mapping: dict[str, Any], key: str) -> Any:
    return next((one[key] for one in _merged(mapping) if key in one), None)


def _members(mapping: dict[str, Any]) -> list[tuple[str, Any]]:
    members: dict[str, Any] = {}
    for one in _merged(mapping):
        members = one | members
    return [(name, value) for name, value in members.items() if name != "<<"]


def _merged(mapping: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the mapping, then those that it merges with `<<`, in the order in which a key is looked for."""
    waiting: list[Any] = [mapping]
    looked = 0
    while waiting:
        one = waiting.pop(0)
        looked += 1
        if looked > _MAX_MERGED:
            raise MisreadError((), f"merges more than {_MAX_MERGED} mappings with '<<'")
        if isinstance(one, dict):
            yield one
            below = one.get("<<")
            waiting[:0] = below[:_MAX_MERGED] if isinstance(below, list) else [below]


def _variable(text: str, start: int, line: int, values: Mapping[str, str]) -> tuple[Told, int]:
    """Read one variable, and return it with where the next line begins."""
    name = _NAME.match(text, start)
    if name is None:
        raise MisreadError((), "is no NAME=value", line)
    path = (name["name"],)
    if quoted := _QUOTED.match(text, name.end()):
        value, end = _unescaped(quoted["literal"] or quoted["text"] or ""), quoted.end()
    else:
        bare = _BARE.match(text, name.end())
        value, end = _COMMENT.sub("", bare[0]).strip() if bare else "", bare.end() if bare else start
    after = _BLANK.match(text, end)
    if after is None or value[:1] in ("'", '"'):
        raise MisreadError(path, "has a quote that is not closed, or something after it", line)
    expanded = value if quoted and quoted["text"] is None else expand(value, values)
    problem = "there is no version" if expanded == "" else "" if expanded else _NO_VALUE
    return Told(name["name"], path, expanded or "", problem, line), after.end()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(['\"\\])", r"\1", text)


def _expand(text: str, start: int, variables: Mapping[str, str], depth: int) -> tuple[str | None, int]:
    """Expand up to the end, or within braces up to the brace that closes them; return where that was."""
    parts: list[str | None] = []
    position = start if depth <= _MAX_DEPTH else len(text)
    while position < len(text):
        if depth and text[position] == "}":
            return _joined(parts), position + 1
        found = _VARIABLE.match(text, position)
        if found is None:
            parts.append(text[position])
            position += 1
        elif found["braced"] is None:
            parts.append("$" if found["escaped"] else variables.get(found["plain"]))
            position = found.end()
        else:
            word, position = _expand(text, found.end(), variables, depth + 1)
            parts.append(_value(variables.get(found["braced"]), found["way"] or "", word))
    return (_joined(parts), position) if not depth else (None, position)


def _value(value: str | None, way: str, word: str | None) -> str | None:
    """Return a variable's value by the way it is asked for: `-` a default, `+` a replacement, `?` needed."""
    is_there = bool(value) if way.startswith(":") else value is not None
    if way.endswith("+"):
        return word if is_there else ""
    if way.endswith("-"):
        return value if is_there else word
    if way:
        return value if is_there else None
    return value if word == "" else None


def _joined(parts: list[str | None]) -> str | None:
    texts = [part for part in parts if part is not None]
    return "".join(texts) if len(texts) == len(parts) else None
