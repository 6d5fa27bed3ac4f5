"""Brings the tables of all tenants to the newest version."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from sloth_agent.errors import SlothError
from sloth_agent.tenants.ports import OutdatedSpace, TenantSpaces

AT_ONCE = 4
"""More would not be faster: the server's catalog is where they meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeReport:
    """What an upgrade did; tenants that were up to date are not in it."""

    upgraded: int
    failed: tuple[tuple[OutdatedSpace, SlothError], ...]


@dataclass(frozen=True, slots=True)
class Upgrading:
    """The upgrade of an install, beside running servers of the old release or the new one."""

    spaces: TenantSpaces

    async def upgrade(
        self, *, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> UpgradeReport:
        """Each step of each tenant is one transaction; one tenant that fails stops no other.

        Running it again goes on where it ended, however that was.
        """
        outdated = list(await self.spaces.outdated())
        waiting = iter(outdated)
        upgraded = 0
        failed: list[tuple[OutdatedSpace, SlothError]] = []

        async def take_turns() -> None:
            nonlocal upgraded
            for space in waiting:
                try:
                    await self.spaces.update(space)
                    upgraded += 1
                except SlothError as error:
                    failed.append((space, error))
                on_progress(upgraded + len(failed), len(outdated))

        async with anyio.create_task_group() as group:
            for _ in range(min(AT_ONCE, len(outdated))):
                group.start_soon(take_turns)
        return UpgradeReport(upgraded=upgraded, failed=tuple(failed))
