"""How many jobs wait, for whoever watches the platform."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable
from sloth_agent.jobs.models import Queue
from sloth_agent.jobs.ports import JobBoard

BELIEVED_SECONDS = 5.0

PATIENCE_SECONDS = 3.0


@dataclass(slots=True)
class WaitingJobs:
    """Counted every few seconds at most, however often somebody asks."""

    board: JobBoard
    clock: Clock
    _counts: Mapping[Queue, int] | None = None
    _until: float = 0.0

    async def by_queue(self) -> Mapping[Queue, int] | None:
        """None: the database does not answer."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + BELIEVED_SECONDS
            self._counts = await self._counted()
        return self._counts

    async def _counted(self) -> Mapping[Queue, int] | None:
        with anyio.move_on_after(PATIENCE_SECONDS):
            try:
                return await self.board.count_due(now=self.clock())
            except BackendUnavailable:
                pass
        return None
