"""What the commands print: results on stdout, everything else on stderr."""

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any


def show_json(body: Any) -> None:
    """One JSON document; what could steer a terminal, or no encoding can carry, is escaped."""
    import json

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(body, ensure_ascii=not unicode, indent=2)
    escaped = (json.dumps(sign)[1:-1] if _steers(sign) else sign for sign in text)
    sys.stdout.write("".join(escaped) + "\n")


def say(text: str = "", *, end: str = "\n") -> None:
    """A line of the result."""
    sys.stdout.write(harmless(text) + end)
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result: progress, advice."""
    sys.stderr.write(harmless(text) + "\n")


def show_fields(body: dict[str, Any], *, as_json: bool = False) -> None:
    """One field a line; what belongs to a field is indented under it."""
    if as_json:
        show_json(body)
        return
    for line in _fields(body):
        say(line)


def _fields(body: dict[str, Any]) -> Iterator[str]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield f"{name}:"
            yield from (f"  {line}" for line in _fields(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{name}:"
            for item in value:
                yield from (f"  {line}" for line in _fields(item))
        elif isinstance(value, list):
            yield f"{name}: {', '.join(map(_words, value)) or 'none'}"
        else:
            yield f"{name}: {_words(value)}".rstrip()


def _words(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def show_list(
    items: Sequence[dict[str, Any]],
    columns: Sequence[str],
    *,
    next_cursor: str | None = None,
    next_option: str = "--after",
    as_json: bool,
) -> None:
    """Some columns of each item as a table; as JSON all of it, and where the next page begins.

    A table that is full says by which option to go on.
    """
    if as_json:
        show_json({"items": items, "next_cursor": next_cursor})
        return
    show_table(columns, [[item[column] for column in columns] for item in items])
    if next_cursor is not None:
        note(f"There may be more: add {next_option} {next_cursor}, or a larger --limit.")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their columns, as wide as the terminal; the first cell, to be copied, is whole."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(Text(harmless(column)), no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(harmless(_words(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


PARTS_OF_TEXT = "\n\t\u00ad\u200c\u200d"
"""Control and format characters that words are made of: the last are soft hyphen and joiners."""


def harmless(text: str) -> str:
    """The text without what could steer a terminal: control, format and surrogate characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(sign) else sign for sign in text)


def _steers(sign: str) -> bool:
    return sign not in PARTS_OF_TEXT and unicodedata.category(sign) in ("Cc", "Cf", "Cs")
