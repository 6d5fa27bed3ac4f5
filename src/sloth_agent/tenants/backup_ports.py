"""What backups need from outside, beside what archives need."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sloth_agent.errors import Conflict
from sloth_agent.tenants.archive_parts import Column
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.backup_manifests import BackupManifest
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.ports import Space


class ControlSnapshot(Protocol):
    """All control tables as they were at one moment."""

    @property
    def version(self) -> int: ...

    @property
    def tables(self) -> Mapping[str, Sequence[Column]]:
        """Those that others refer to come first."""

    async def organizations(self) -> Sequence[Organization]: ...

    def rows(self, table: str) -> AsyncIterator[bytes]: ...


class ControlTables(Protocol):
    """What the install knows of its tenants, users and plans, as a whole."""

    def snapshot(self) -> AbstractAsyncContextManager[ControlSnapshot]:
        """One moment; nobody waits for whoever reads it.

        Raises:
            Conflict: the tables are those of a newer release.
        """

    async def is_empty(self) -> bool:
        """Whether there are neither tenants nor users nor codes."""

    async def check(self, manifest: BackupManifest) -> None:
        """Raises:
        ArchiveRefused: of a newer version.
        """

    async def replace(
        self,
        manifest: BackupManifest,
        read: Callable[[str], AsyncIterator[bytes]],
        *,
        homes: Mapping[str, Space],
        only_empty: bool,
        event: AuditEvent,
    ) -> None:
        """Put a backup's rows in the place of all rows; of the audit log none is removed.

        Rows of an older version are brought up to date.
        One transaction. `homes` are the places where the tenants' data are by now, by the names of
        the schemas where they were; the places where tenants lived until now become vacant.

        Raises:
            Conflict: `only_empty`, and it is not.
            ArchiveRefused: tables, columns or rows that do not fit.
        """

    async def rehouse(self, tenant: Organization, home: Space, *, event: AuditEvent) -> bool:
        """Lead one tenant to another place; False: it is not where it was any more."""


def not_empty() -> Conflict:
    return Conflict(
        "This install is not empty.",
        hint="Say --yes to put the backup in their place, or restore into an empty install.",
    )


class VacantSpaces(Protocol):
    """Places that no tenant lives in: not yet, or not any more. A list of what is to be removed."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Keep others from restoring.

        Raises:
            Conflict: somebody is at it.
        """

    async def add(self, space: Space) -> None: ...

    async def all(self) -> Sequence[Space]: ...

    async def forget(self, space: Space) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    path: Path
    size: int  # bytes


class BackupFolder(Protocol):
    """Where backups are kept."""

    async def new(self, at: datetime) -> Path:
        """The path for a backup that begins now; its folder is there."""

    async def files(self, folder: Path | None) -> Sequence[BackupFile]:
        """All ZIP files in a folder, or in the usual one; oldest first.

        Raises:
            NotFound: no such folder.
        """

    async def size(self, path: Path) -> int: ...
