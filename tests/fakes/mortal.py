"""Processes that are killed between two statements, without being any: thousands a minute."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from sloth_agent.adapters.stores.postgres.database import Connection, Database, Row


class Killed(BaseException):
    """Nothing that is written to deal with errors deals with this one."""


@dataclass
class Fate:
    """How many moments a process has left; None: it is not killed."""

    moments: int | None = None
    dead: bool = False

    def moment(self) -> None:
        """Somebody outside can see what was done until now. Who is dead does nothing any more."""
        if self.dead or self.moments == 0:
            self.dead = True
            raise Killed
        if self.moments is not None:
            self.moments -= 1


@dataclass(frozen=True, slots=True)
class MortalDatabase(Database):
    """Before each statement, and before each commit, its process may die."""

    fate: Fate = field(kw_only=True)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[Connection]:
        self.fate.moment()
        async with Database.shared(self) as connection:
            yield cast("Connection", _Mortal(connection, self.fate))
            self.fate.moment()

    async def shared_at_once(
        self, statements: str, parameters: Mapping[str, object]
    ) -> list[list[Row]]:
        self.fate.moment()
        rows = await Database.shared_at_once(self, statements, parameters)
        self.fate.moment()
        return rows


@dataclass(frozen=True, slots=True)
class _Mortal:
    connection: Connection
    fate: Fate

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        self.fate.moment()
        return await self.connection.execute(*arguments, **options)
