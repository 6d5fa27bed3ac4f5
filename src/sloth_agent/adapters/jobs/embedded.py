"""Workers that listen to PostgreSQL: no other service is needed."""

from sloth_agent.ids import JobId
from sloth_agent.jobs.models import Queue
from sloth_agent.settings import Settings


class EmbeddedEngine:
    """`Engine`: the transaction that stores a job notifies all who listen."""

    does_own = True

    async def check(self) -> str:
        return "workers listen to PostgreSQL"

    async def announce(self, queue: Queue, id: JobId, *, seconds: float = 0.0) -> None:
        """It was said already."""


def from_settings(_settings: Settings) -> EmbeddedEngine:
    return EmbeddedEngine()
