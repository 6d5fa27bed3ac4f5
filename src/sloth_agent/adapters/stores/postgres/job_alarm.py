"""Hears of jobs that became ready, in any database of the install."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import anyio
import psycopg
from psycopg_pool import PoolTimeout

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.databases import Databases

_LISTENING = "listen sloth_jobs"
_AGAIN_AFTER_SECONDS = 0.5


class Ear:
    """`Alarm` of one worker."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._rung.wait()
        self._rung = anyio.Event()


class PostgresAlarm:
    """Hears by LISTEN; while a database is away its jobs are found by looking."""

    def __init__(self) -> None:
        self._ears: list[Ear] = []

    def ear(self) -> Ear:
        """Each worker has its own: what one has heard the other has not seen to."""
        ear = Ear()
        ear.ring()  # whatever was said before
        self._ears.append(ear)
        return ear

    @classmethod
    @asynccontextmanager
    async def listening(cls, homes: Databases) -> AsyncIterator[Self]:
        alarm = cls()
        async with anyio.create_task_group() as group:
            for _, database in await homes.all():
                group.start_soon(alarm._listen, database)
            yield alarm
            group.cancel_scope.cancel()

    def _ring(self) -> None:
        for ear in self._ears:
            ear.ring()

    async def _listen(self, database: Database) -> None:
        while True:
            try:
                await self._hear(database)
            except (psycopg.OperationalError, PoolTimeout):
                await anyio.sleep(_AGAIN_AFTER_SECONDS)

    async def _hear(self, database: Database) -> None:
        async with database.pool.connection() as connection:
            try:
                await connection.execute(_LISTENING)
                self._ring()  # whatever was said before we listened
                async for _ in connection.notifies():
                    self._ring()
            finally:
                await _stop_listening(connection)


async def _stop_listening(connection: Connection) -> None:
    """Nobody else shall get a connection that listens."""
    with anyio.move_on_after(1, shield=True), suppress(psycopg.OperationalError):
        await connection.execute("unlisten *")
