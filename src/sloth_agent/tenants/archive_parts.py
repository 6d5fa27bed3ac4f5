"""What archives are made of, and what is checked before a part is believed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sloth_agent.errors import ArchiveRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One part of an archive, as it stands there."""

    name: str
    size: int  # bytes
    sha256: str  # hexadecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedMember(Member):
    """A part that was read to its end, with what a table of rows can be held against."""

    lines: int
    tabs: int

    @property
    def plain(self) -> Member:
        return Member(name=self.name, size=self.size, sha256=self.sha256)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str  # as PostgreSQL writes it, such as `halfvec(384)`


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of one table: a line each, cells between tabs, as PostgreSQL's COPY has them."""

    name: str
    columns: tuple[Column, ...]
    rows: int


def check_parts(declared: Sequence[Member], scanned: Sequence[ScannedMember]) -> None:
    """Hold the parts of an archive, as they were found, against what its manifest says.

    Raises:
        ArchiveRefused: naming the first part that differs.
    """
    found = {member.name: member for member in scanned}
    expected = {member.name: member for member in declared}
    if set(found) != set(expected) or len(expected) != len(declared):
        odd = ", ".join(sorted(set(found) ^ set(expected))[:3]) or "one twice"
        raise ArchiveRefused(f"The archive's parts are not those of its manifest: {odd}.")
    for name, member in expected.items():
        if (found[name].size, found[name].sha256) != (member.size, member.sha256):
            raise ArchiveRefused(f"The archive's part {name} is damaged.")


def check_rows(tables: Iterable[tuple[str, TableRows]], scanned: Sequence[ScannedMember]) -> None:
    """Count the rows and cells of tables, given with the parts that hold them.

    Raises:
        ArchiveRefused: naming the first part that holds others.
    """
    found = {member.name: member for member in scanned}
    for name, table in tables:
        part = found.get(name)
        cells = table.rows * (len(table.columns) - 1)
        if part is None or (part.lines, part.tabs) != (table.rows, cells):
            raise ArchiveRefused(f"The archive's part {name} does not hold the rows it should.")
