"""Reads what anybody may have written into the manifest of an archive."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sloth_agent.errors import ArchiveRefused, InvalidInput
from sloth_agent.tenants.archive_parts import Column, Member, TableRows

FORMAT = 1
"""Of archives, not of the tables in them; described in docs/archive-format.md."""

Values = Mapping[str, Any]
Item = TypeVar("Item")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TYPE = re.compile(r"[a-z][a-z0-9 _]{0,40}(\(\d{1,10}(,\d{1,10})?\))?(\[\])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@contextmanager
def reading_manifest() -> Iterator[None]:
    """Whatever is not as we write it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise ArchiveRefused("The archive's manifest cannot be read.") from error


def manifest_of(values: object, *, kind: str, otherwise: str) -> Values:
    """The manifest of an archive of a kind.

    Raises:
        ArchiveRefused: of another kind, with the sentence given, or of a newer format.
    """
    found = values if isinstance(values, dict) else {}
    format = found.get("format")
    if not isinstance(format, int) or found.get("kind") != kind:
        raise ArchiveRefused(otherwise)
    if format > FORMAT:
        raise ArchiveRefused(
            f"The archive has format {format}, and this release reads up to {FORMAT}.",
            hint="Upgrade sloth-agent.",
        )
    return found


def member_of(values: object) -> Member:
    member = object_of(values)
    return Member(
        name=text_of(member["name"]),
        size=number_of(member["size"]),
        sha256=matching(_SHA256, member["sha256"]),
    )


def tables_of(values: object) -> tuple[TableRows, ...]:
    tables = each_of(_table, values)
    if len({table.name for table in tables}) < len(tables):
        raise ValueError("one table twice")
    return tables


def _table(values: object) -> TableRows:
    table = object_of(values)
    return TableRows(
        name=matching(_NAME, table["name"]),
        columns=each_of(_column, table["columns"]),
        rows=number_of(table["rows"]),
    )


def _column(values: object) -> Column:
    column = object_of(values)
    return Column(matching(_NAME, column["name"]), matching(_TYPE, column["type"]))


def each_of(read: Callable[[object], Item], values: object) -> tuple[Item, ...]:
    if isinstance(values, list):
        return tuple(map(read, values))
    raise TypeError("not a list")


def object_of(value: object) -> Values:
    if isinstance(value, dict):
        return value
    raise TypeError("not an object")


def text_of(value: object) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise TypeError("not a text")


def matching(pattern: re.Pattern[str], value: object) -> str:
    if pattern.fullmatch(text_of(value)):
        return str(value)
    raise ValueError("not such a name")


def number_of(value: object, *, least: int = 0) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ValueError("not such a number")


def moment_of(value: object) -> datetime:
    moment = datetime.fromisoformat(text_of(value))
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment
