"""Brings the tables of all tenants to the newest version."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from sloth_agent.errors import SlothError
from sloth_agent.tenants.ports import OrganizationStore, OutdatedSpace, TenantSpaces

AT_ONCE = 4
"""More would not be faster: the server's catalog is where they meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeReport:
    """What an upgrade did; tenants that were up to date are not in it."""

    upgraded: int
    failed: tuple[tuple[OutdatedSpace, SlothError], ...]
    unreached: tuple[tuple[str, SlothError], ...] = ()
    """Databases in which nothing was done, with the reason; their tenants are among the failed."""

    @property
    def whole(self) -> bool:
        return not self.failed and not self.unreached


@dataclass(frozen=True, slots=True)
class Upgrading:
    """The upgrade of an install, beside running servers of the old release or the new one."""

    organizations: OrganizationStore
    spaces: TenantSpaces

    async def upgrade(
        self, *, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> UpgradeReport:
        """Each step of each tenant is one transaction; one tenant that fails stops no other.

        A database that does not answer, or that no setting names, stops no other one either.
        Running it again goes on where it ended, however that was.
        """
        outdated, unreached = await self._outdated()
        waiting = iter(outdated)
        upgraded = 0
        failed = await self._out_of_reach(unreached)
        out_of_reach = len(failed)

        async def take_turns() -> None:
            nonlocal upgraded
            for space in waiting:
                try:
                    await self.spaces.update(space)
                    upgraded += 1
                except SlothError as error:
                    failed.append((space, error))
                on_progress(upgraded + len(failed) - out_of_reach, len(outdated))

        async with anyio.create_task_group() as group:
            for _ in range(min(AT_ONCE, len(outdated))):
                group.start_soon(take_turns)
        return UpgradeReport(
            upgraded=upgraded, failed=tuple(failed), unreached=tuple(unreached.items())
        )

    async def _outdated(self) -> tuple[Sequence[OutdatedSpace], Mapping[str, SlothError]]:
        """Places that are behind, and databases that could not be asked for them."""
        outdated: list[OutdatedSpace] = []
        unreached: dict[str, SlothError] = {}
        named = self.spaces.databases
        lived_in = await self.organizations.tenants_by_database()
        for database in (*named, *sorted(lived_in.keys() - set(named))):
            try:
                outdated += await self.spaces.outdated(database)
            except SlothError as error:
                unreached[database] = error
        return outdated, unreached

    async def _out_of_reach(
        self, unreached: Mapping[str, SlothError]
    ) -> list[tuple[OutdatedSpace, SlothError]]:
        if not unreached:
            return []
        return [
            (OutdatedSpace(tenant.database, tenant.schema_name), unreached[tenant.database])
            for tenant in await self.organizations.all()
            if tenant.database in unreached
        ]
