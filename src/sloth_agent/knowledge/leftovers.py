"""Original files that nothing names any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.clock import Clock
from sloth_agent.knowledge.ports import FileStore, NamesFiles

LEFT_ALONE_FOR = timedelta(days=1)
"""A file is written before the record that names it; nobody takes a day in between."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What work that was cut off has left in one tenant's file store."""

    named_by: Sequence[NamesFiles]  # all that keep files there
    files: FileStore
    clock: Clock

    async def remove(self) -> int:
        """Forget files that nothing names and that are older than a day; returns how many."""
        before = self.clock() - LEFT_ALONE_FOR
        named = {key for each in self.named_by for key in await each.file_keys()}
        return await self.files.sweep(named, before=before)
