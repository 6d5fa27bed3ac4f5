"""What a backup of the whole platform says about itself."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
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
from sloth_agent.tenants.models import checked_slug

KIND = "backup"

_SCHEMA = re.compile(r"t_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTenant:
    """A tenant in a backup: its row among the organizations, and its archive."""

    slug: str
    schema_name: str  # where it lived
    archive: str  # the part that is its archive
    missing_files: int  # named by a row, and not in the file store when the backup was made


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """The table of contents of a backup."""

    made_by: str  # release, such as `sloth-agent 0.1.0`
    made_at: datetime
    version: int  # of the control tables
    tables: tuple[TableRows, ...]  # the control tables; those that others refer to come first
    tenants: tuple[KeptTenant, ...]
    members: tuple[Member, ...]

    @property
    def missing_files(self) -> int:
        return sum(tenant.missing_files for tenant in self.tenants)


def control_member(table: str) -> str:
    return f"control/{table}.copy"


def archive_member(number: int, slug: str) -> str:
    """Numbered, since a slug may come twice while a backup is made."""
    return f"tenants/{number}-{slug}.zip"


def backup_values(manifest: BackupManifest) -> dict[str, Any]:
    """What is written as JSON."""
    values = asdict(manifest)
    values["made_at"] = manifest.made_at.isoformat()
    return {"format": FORMAT, "kind": KIND, **values}


def backup_manifest_from(values: object) -> BackupManifest:
    """Read a manifest that anybody may have written.

    Raises:
        ArchiveRefused: it is none, or of a newer format.
    """
    found = manifest_of(values, kind=KIND, otherwise="This is no backup of sloth-agent.")
    with reading_manifest():
        return _manifest(found)


def check_backup(manifest: BackupManifest, scanned: Sequence[ScannedMember]) -> None:
    """Hold the parts of a backup, as they were found, against what its manifest says.

    Raises:
        ArchiveRefused: naming the first part that differs.
    """
    check_parts(manifest.members, scanned)
    check_rows([(control_member(table.name), table) for table in manifest.tables], scanned)
    parts = {member.name for member in manifest.members}
    for tenant in manifest.tenants:
        if tenant.archive not in parts:
            raise ArchiveRefused(f"The archive of the tenant {tenant.slug!r} is missing.")


def _manifest(values: Values) -> BackupManifest:
    tenants = each_of(_tenant, values["tenants"])
    if len({tenant.schema_name for tenant in tenants}) < len(tenants):
        raise ValueError("one tenant twice")
    return BackupManifest(
        made_by=text_of(values["made_by"]),
        made_at=moment_of(values["made_at"]),
        version=number_of(values["version"], least=1),
        tables=tables_of(values["tables"]),
        tenants=tenants,
        members=each_of(member_of, values["members"]),
    )


def _tenant(values: object) -> KeptTenant:
    tenant = object_of(values)
    return KeptTenant(
        slug=checked_slug(text_of(tenant["slug"])),
        schema_name=matching(_SCHEMA, tenant["schema_name"]),
        archive=text_of(tenant["archive"]),
        missing_files=number_of(tenant["missing_files"]),
    )
