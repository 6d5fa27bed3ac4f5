"""What an archive of a tenant says about itself, and what is checked before it is believed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sloth_agent.errors import ArchiveRefused, InvalidInput
from sloth_agent.tenants.models import checked_name, checked_slug
from sloth_agent.tenants.users import normalised_domain

FORMAT = 1
"""Of the archive, not of the tables in it; described in docs/archive-format.md."""

KIND = "tenant"

LARGEST_FILE_BYTES = 512 * 1024 * 1024
"""Of one original file: it is held in memory while it is put back."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TYPE = re.compile(r"[a-z][a-z0-9 _]{0,40}(\(\d{1,6}(,\d{1,6})?\))?(\[\])?")
_KEY = re.compile(r"[0-9a-z]{1,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFacts:
    """What the install knew about the tenant, beside its tables."""

    slug: str
    name: str
    domain: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The table of contents of one tenant's archive."""

    made_by: str  # release, such as `sloth-agent 0.1.0`
    made_at: datetime
    tenant: TenantFacts
    version: int  # of the tenant's tables
    tables: tuple[TableRows, ...]  # of the tenant's schema; those that others refer to come first
    working: tuple[TableRows, ...]  # of the tables that all tenants of a database share
    files: tuple[str, ...]  # keys of the original files
    missing_files: tuple[str, ...]  # named by a row, and not in the file store
    members: tuple[Member, ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


def table_member(name: str) -> str:
    return f"tables/{name}.copy"


def working_member(name: str) -> str:
    return f"working/{name}.copy"


def file_member(key: str) -> str:
    return f"files/{key}"


def manifest_values(manifest: Manifest) -> dict[str, Any]:
    """What is written as JSON."""
    values = asdict(manifest)
    values["made_at"] = manifest.made_at.isoformat()
    values["tenant"]["created_at"] = manifest.tenant.created_at.isoformat()
    return {"format": FORMAT, "kind": KIND, **values}


def manifest_from(values: object) -> Manifest:
    """Read a manifest that anybody may have written.

    Raises:
        ArchiveRefused: it is none, or of a newer format.
    """
    _check_format(values)
    try:
        return _manifest(_object(values))
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise ArchiveRefused("The archive's manifest cannot be read.") from error


def _check_format(values: object) -> None:
    found = values if isinstance(values, dict) else {}
    format = found.get("format")
    if not isinstance(format, int) or found.get("kind") != KIND:
        raise ArchiveRefused("This is no archive of a tenant.")
    if format > FORMAT:
        raise ArchiveRefused(
            f"The archive has format {format}, and this release reads up to {FORMAT}.",
            hint="Upgrade sloth-agent.",
        )


def check_members(manifest: Manifest, scanned: Sequence[ScannedMember]) -> None:
    """Hold the parts of an archive, as they were found, against what its manifest says.

    Raises:
        ArchiveRefused: naming the first part that differs.
    """
    found = {member.name: member for member in scanned}
    declared = {member.name: member for member in manifest.members}
    if set(found) != set(declared) or len(declared) != len(manifest.members):
        odd = ", ".join(sorted(set(found) ^ set(declared))[:3]) or "one twice"
        raise ArchiveRefused(f"The archive's parts are not those of its manifest: {odd}.")
    for name, member in declared.items():
        if (found[name].size, found[name].sha256) != (member.size, member.sha256):
            raise ArchiveRefused(f"The archive's part {name} is damaged.")
    for name, table in _tables(manifest):
        part = found.get(name)
        cells = table.rows * (len(table.columns) - 1)
        if part is None or (part.lines, part.tabs) != (table.rows, cells):
            raise ArchiveRefused(f"The archive's part {name} does not hold the rows it should.")
    for key in manifest.files:
        file = found.get(file_member(key))
        if file is None or file.size > LARGEST_FILE_BYTES:
            raise ArchiveRefused(f"The archive's file {key} is missing, or too large.")


def _tables(manifest: Manifest) -> Iterator[tuple[str, TableRows]]:
    yield from ((table_member(table.name), table) for table in manifest.tables)
    yield from ((working_member(table.name), table) for table in manifest.working)


def _manifest(values: Mapping[str, Any]) -> Manifest:
    tenant = _object(values["tenant"])
    return Manifest(
        made_by=_text(values["made_by"]),
        made_at=_moment(values["made_at"]),
        tenant=TenantFacts(
            slug=checked_slug(_text(tenant["slug"])),
            name=checked_name(_text(tenant["name"])),
            domain=None if tenant["domain"] is None else normalised_domain(_text(tenant["domain"])),
            created_at=_moment(tenant["created_at"]),
        ),
        version=_number(values["version"], least=1),
        tables=_table_rows(values["tables"]),
        working=_table_rows(values["working"]),
        files=tuple(_matching(_KEY, key) for key in _list(values["files"])),
        missing_files=tuple(_matching(_KEY, key) for key in _list(values["missing_files"])),
        members=tuple(_member(member) for member in _list(values["members"])),
    )


def _member(values: object) -> Member:
    member = _object(values)
    return Member(
        name=_text(member["name"]),
        size=_number(member["size"]),
        sha256=_matching(_SHA256, member["sha256"]),
    )


def _table_rows(values: object) -> tuple[TableRows, ...]:
    tables = tuple(
        TableRows(
            name=_matching(_NAME, table["name"]),
            columns=tuple(
                Column(_matching(_NAME, column["name"]), _matching(_TYPE, column["type"]))
                for column in map(_object, _list(table["columns"]))
            ),
            rows=_number(table["rows"]),
        )
        for table in map(_object, _list(values))
    )
    if len({table.name for table in tables}) < len(tables):
        raise ValueError("one table twice")
    return tables


def _object(value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise TypeError("not an object")


def _list(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise TypeError("not a list")


def _text(value: object) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise TypeError("not a text")


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if pattern.fullmatch(_text(value)):
        return str(value)
    raise ValueError("not such a name")


def _number(value: object, *, least: int = 0) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ValueError("not such a number")


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment
