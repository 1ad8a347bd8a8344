"""YAML written by people, read defensively: plain text, lists and mappings, and the line of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from reversion.text import plain

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
_TEXT_TAG = "tag:yaml.org,2002:str"

Path = tuple[str | int, ...]
Node = str | list["Node"] | dict[str, "Node"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file: where (line 0 is the whole file), what, and the mend."""

    path: Path
    message: str
    line: int = 0

    def __str__(self) -> str:
        dotted = ".".join(plain(str(part), 60) for part in self.path)
        where = ", ".join(filter(None, [f"line {self.line}" if self.line else "", dotted]))
        return f"{where}: {self.message}" if where else self.message


class UnreadableError(Exception):
    """The text can't be read any further; the problem says why."""

    def __init__(self, message: str, line: int = 0, path: Path = ()) -> None:
        super().__init__(message)
        self.problem = Problem(path, message, line)


@dataclass(frozen=True)
class Document:
    """The content, every scalar as it is written, with the lines by path and what is wrong so far."""

    content: Node
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of the path, or of the nearest thing above it that stands in the file."""
        return next((self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), 0)


def read_yaml(text: bytes, *, is_foreign: bool = False) -> Document:
    """Read one YAML document as text, lists and mappings.

    Raise UnreadableError for aliases, anchors, tags, depth over 20, more than 1 MiB, and what is no YAML. In a
    file that is foreign, written for another tool, an alias stands for the very same list or mapping (nothing
    is copied, `<<` stays a key), `!!str` is passed over, and what is empty is an empty text.
    The events are scanned with the pure-Python parser, which neither recurses nor crashes on hostile nesting.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"is {len(text)} bytes long; at most {MAX_BYTES} are read")
    try:
        decoded = text.decode("utf-8-sig")
        events = yaml.parse(decoded, Loader=yaml.SafeLoader)
        return _Builder(events, is_foreign=is_foreign).document()
    except UnicodeDecodeError as error:
        raise UnreadableError("is not UTF-8 text", text[: error.start].count(b"\n") + 1) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = plain(" ".join(filter(None, [error.context, error.problem])))
        raise UnreadableError(f"is no YAML: {said}", mark.line + 1 if mark else 0) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise UnreadableError(f"is no YAML: {plain(str(error))}") from error


class _Builder:
    """Builds the content from parser events; depth is bounded before anything recurses."""

    def __init__(self, events: Iterator[yaml.Event], *, is_foreign: bool) -> None:
        self._events = events
        self._is_foreign = is_foreign
        self._anchors: dict[str, Node] = {}
        self._lines: dict[Path, int] = {}
        self._problems: list[Problem] = []

    def document(self) -> Document:
        content: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if content is not None:
                    raise UnreadableError("holds more than one YAML document", _line(event))
                content = self._node(self._next(), ())
        if content is None:
            raise UnreadableError("is empty")
        return Document(content, self._lines, self._problems)

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, path: Path) -> Node:
        self._refuse(event, path)
        self._lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._same(event, path)
        content = self._content(event, path)
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = content
        return content

    def _same(self, event: yaml.AliasEvent, path: Path) -> Node:
        """Return what the alias stands for; what is not complete yet, such as its own parent, is not there."""
        name = event.anchor or ""
        if name not in self._anchors:
            raise UnreadableError(f"uses the alias *{plain(name, 60)} of nothing above", _line(event), path)
        return self._anchors[name]

    def _content(self, event: yaml.Event, path: Path) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if not isinstance(event, yaml.ScalarEvent):
            raise UnreadableError("is no YAML", _line(event), path)
        if not event.value and event.style is None and not self._is_foreign:
            self._note(path, "is empty; give it a value, or remove it")
        return _text(event, path)

    def _mapping(self, path: Path) -> Node:
        mapping: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            self._refuse(event, path)
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableError("has a list or mapping as a key", _line(event), path)
            key = _text(event, path)
            here = (*path, key)
            if key in mapping:
                self._problems.append(Problem(here, "stands twice; remove one of the two", _line(event)))
            self._lines[here] = _line(event)
            mapping[key] = self._node(self._next(), here)
        return mapping

    def _sequence(self, path: Path) -> Node:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _refuse(self, event: yaml.Event, path: Path) -> None:
        has_alias = isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)
        if has_alias and not self._is_foreign:
            raise UnreadableError(
                "uses an alias or anchor (* or &); write the text out, or quote it", _line(event), path
            )
        if (tag := getattr(event, "tag", None)) and not (self._is_foreign and tag == _TEXT_TAG):
            raise UnreadableError("uses a tag (a word that starts with '!'); quote it", _line(event), path)
        if len(path) > MAX_DEPTH:
            raise UnreadableError(f"nests deeper than {MAX_DEPTH} levels", _line(event), path[:3])

    def _note(self, path: Path, message: str) -> None:
        self._problems.append(Problem(path, message, self._lines.get(path, 0)))


def _text(event: yaml.ScalarEvent, path: Path) -> str:
    if any("\ud800" <= character <= "\udfff" for character in event.value):
        raise UnreadableError("holds an escape that stands for no character", _line(event), path)
    return str(event.value)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
