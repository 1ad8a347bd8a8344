"""How commands print: a table or Markdown for people, JSON on standard output for programs."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from reversion.text import plain


def print_json(document: Any) -> None:
    """Print one JSON document, values and tuples of values included."""
    print(json.dumps(_dumped(document), indent=2, ensure_ascii=False, sort_keys=True))


def print_table(
    heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, title: str = "", width: int = 200
) -> None:
    """Print a table, at most `width` wide where the output is no terminal; text from outside is made plain."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(cell, 400)) for cell in row))
    _console(width).print(table)


def print_markdown(text: str) -> None:
    """Print Markdown laid out for the terminal, or as it is where the output is no terminal."""
    if not sys.stdout.isatty():
        print(text, flush=True)
        return
    from rich.markdown import Markdown

    _console().print(Markdown(text))


def note(line: str) -> None:
    """Print a line for people on standard error, where it is in no program's way."""
    print(plain(line, 2000), file=sys.stderr, flush=True)


def _console(width: int = 200) -> Any:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=width)


def _dumped(document: Any) -> Any:
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", by_alias=True)
    if isinstance(document, (list, tuple)):
        return [_dumped(each) for each in document]
    if isinstance(document, dict):
        return {key: _dumped(value) for key, value in document.items()}
    return document
