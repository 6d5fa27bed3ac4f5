"""Where one tenant lives, also while it moves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString, Self, TypeVar

import psycopg

from sloth_agent.adapters.stores.postgres.database import (
    Connection,
    Database,
    Exchange,
    Row,
)
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.departures import whereabouts
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.errors import NotFound
from sloth_agent.tenants.models import Organization, Stage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    database: Database
    door: int  # its number


async def address_of(databases: Databases, organization: Organization) -> Address:
    return Address(await databases.home_of(organization), organization.moves)


@dataclass(slots=True)
class TenantHome:
    """`TenantDatabase` that goes where the tenant went.

    Whoever finds the door gone has done nothing yet, asks where the tenant lives by now, and
    begins anew there.
    """

    databases: Databases
    organization: Organization
    address: Address  # as far as is known here

    @classmethod
    async def of(cls, organization: Organization, databases: Databases) -> Self:
        return cls(databases, organization, await address_of(databases, organization))

    @property
    def database(self) -> Database:
        return self.address.database

    @asynccontextmanager
    async def inside(
        self, schema: str, *, settings: LiteralString = ""
    ) -> AsyncIterator[Connection]:
        async with AsyncExitStack() as stack:

            async def enter(address: Address) -> Connection:
                transaction = address.database.inside(schema, door=address.door, settings=settings)
                return await stack.enter_async_context(transaction)

            yield await self._there(enter)

    async def at_once(
        self, schema: str, statements: str, parameters: Sequence[object] = ()
    ) -> list[list[Row]]:
        async def ask(address: Address) -> list[list[Row]]:
            return await address.database.at_once(schema, statements, parameters, door=address.door)

        return await self._there(ask)

    @asynccontextmanager
    async def exchange(
        self,
        schema: str,
        statements: str,
        parameters: Sequence[object] | None = None,
        *,
        snapshot: bool = False,
        settings: LiteralString = "",
    ) -> AsyncIterator[Exchange]:
        async with AsyncExitStack() as stack:

            async def enter(address: Address) -> Exchange:
                transaction = address.database.exchange(
                    schema,
                    statements,
                    parameters,
                    door=address.door,
                    snapshot=snapshot,
                    settings=settings,
                )
                return await stack.enter_async_context(transaction)

            yield await self._there(enter)

    @asynccontextmanager
    async def owning(self, schema: str) -> AsyncIterator[Connection]:
        async with AsyncExitStack() as stack:

            async def enter(address: Address) -> Connection:
                transaction = address.database.owning(schema, door=address.door)
                return await stack.enter_async_context(transaction)

            yield await self._there(enter)

    async def _there(self, work: Callable[[Address], Awaitable[T]]) -> T:
        while True:
            address = self.address
            try:
                return await work(address)
            except psycopg.errors.UndefinedTable:
                if not await self._has_left(address):
                    raise

    async def _has_left(self, address: Address) -> bool:
        """Whether there is a newer address by now, whoever found it."""
        if self.address == address:
            known = await PostgresOrganizations(self.databases.main).get(self.organization.id)
            if known is None or known.stage is Stage.DELETING:
                raise NotFound(f"The tenant {self.organization.slug!r} was deleted.")
            now = await whereabouts(self.databases, known)
            self.address = await address_of(self.databases, now)
        return self.address != address
