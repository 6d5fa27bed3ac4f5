"""What an archive of a tenant says about itself, and what is checked before it is believed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sloth_agent.errors import ArchiveRefused
from sloth_agent.tenants.archive_parts import (
    Member,
    ScannedMember,
    TableRows,
    check_parts,
    check_rows,
)
from sloth_agent.tenants.archive_values import (
    FORMAT,
    Values,
    each_of,
    manifest_of,
    matching,
    member_of,
    moment_of,
    number_of,
    object_of,
    reading_manifest,
    tables_of,
    text_of,
)
from sloth_agent.tenants.models import checked_name, checked_slug
from sloth_agent.tenants.users import normalised_domain

KIND = "tenant"

LARGEST_FILE_BYTES = 512 * 1024 * 1024
"""Of one original file: it is held in memory while it is put back."""

_KEY = re.compile(r"[0-9a-z]{1,128}")


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
    found = manifest_of(values, kind=KIND, otherwise="This is no archive of a tenant.")
    with reading_manifest():
        return _manifest(found)


def check_members(manifest: Manifest, scanned: Sequence[ScannedMember]) -> None:
    """Hold the parts of an archive, as they were found, against what its manifest says.

    Raises:
        ArchiveRefused: naming the first part that differs.
    """
    check_parts(manifest.members, scanned)
    check_rows(_tables(manifest), scanned)
    found = {member.name: member for member in scanned}
    for key in manifest.files:
        file = found.get(file_member(key))
        if file is None or file.size > LARGEST_FILE_BYTES:
            raise ArchiveRefused(f"The archive's file {key} is missing, or too large.")


def _tables(manifest: Manifest) -> Iterator[tuple[str, TableRows]]:
    yield from ((table_member(table.name), table) for table in manifest.tables)
    yield from ((working_member(table.name), table) for table in manifest.working)


def _manifest(values: Values) -> Manifest:
    return Manifest(
        made_by=text_of(values["made_by"]),
        made_at=moment_of(values["made_at"]),
        tenant=_tenant(object_of(values["tenant"])),
        version=number_of(values["version"], least=1),
        tables=tables_of(values["tables"]),
        working=tables_of(values["working"]),
        files=each_of(_key, values["files"]),
        missing_files=each_of(_key, values["missing_files"]),
        members=each_of(member_of, values["members"]),
    )


def _tenant(tenant: Values) -> TenantFacts:
    domain = tenant["domain"]
    return TenantFacts(
        slug=checked_slug(text_of(tenant["slug"])),
        name=checked_name(text_of(tenant["name"])),
        domain=None if domain is None else normalised_domain(text_of(domain)),
        created_at=moment_of(tenant["created_at"]),
    )


_key = partial(matching, _KEY)
