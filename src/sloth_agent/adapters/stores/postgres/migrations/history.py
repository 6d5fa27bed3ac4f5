"""Ordered migrations: plain SQL files, rendered once into single statements."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from psycopg import sql

History = Literal["control", "working", "tenant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    version: int  # from 1, without gaps
    name: str
    statements: tuple[str, ...]  # each runs alone, so that they fit one pipelined round trip


@cache
def migrations(history: History) -> tuple[Migration, ...]:
    """Every step of a history, oldest first."""
    folder = files(__package__) / history
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        Migration(version=number, name=name, statements=_statements((folder / name).read_text()))
        for number, name in enumerate(names, start=1)
    )


def head(history: History) -> int:
    """The version that the code expects."""
    return migrations(history)[-1].version


def walls(history: History, **roles: str) -> list[sql.Composed]:
    """Who may do what with the newest tables of a history; may run again and again."""
    named = {name: sql.Identifier(role) for name, role in roles.items()}
    return [statement.format(**named) for statement in _walls(history)]


@cache
def _walls(history: History) -> tuple[sql.SQL, ...]:
    script = (files(__package__) / "walls" / f"{history}.sql").read_text()
    return tuple(sql.SQL(statement) for statement in _statements(script))


def _statements(script: str) -> tuple[str, ...]:
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return tuple(part.strip() for part in "\n".join(lines).split(";\n") if part.strip())
