"""The databases of one install, each connected when it is first asked for."""

import secrets
from collections.abc import Awaitable, Callable, Mapping

import anyio

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import ConfigurationError
from sloth_agent.tenants.models import MAIN_DATABASE, Organization

Connect = Callable[[], Awaitable[Database]]


class Databases:
    """Where tenants live: the main database, which holds the control tables too, and others."""

    def __init__(self, main: Database, others: Mapping[str, Connect]) -> None:
        self.main = main
        self._others = others
        self._connected = {MAIN_DATABASE: main}
        self._connecting = anyio.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The main one first."""
        return MAIN_DATABASE, *self._others

    async def home_of(self, organization: Organization) -> Database:
        """The database where a tenant lives.

        Raises:
            ConfigurationError: no setting names it any more.
        """
        return await self.get(organization.database)

    async def get(self, name: str) -> Database:
        if name not in self.names:
            raise ConfigurationError(
                f"There is no database {name!r}.",
                hint=f"Name it in SLOTH_DATABASES; known: {', '.join(self.names)}.",
            )
        async with self._connecting:
            if name not in self._connected:
                self._connected[name] = await self._others[name]()
        return self._connected[name]

    async def twin_of(self, name: str) -> str | None:
        """Another name of the same database, among those that are connected already.

        Whoever holds a lock in one holds it in the other: neither rights nor addresses decide, nor
        what a copy of a database has in common with it.
        """
        here = await self.get(name)
        for other, database in list(self._connected.items()):
            if other != name and await _are_one(here, database):
                return other
        return None

    async def all(self) -> list[tuple[str, Database]]:
        return [(name, await self.get(name)) for name in self.names]


async def _are_one(one: Database, other: Database) -> bool:
    key = secrets.randbits(63)  # which nobody else holds
    async with one.shared() as holding:
        await holding.execute("select pg_advisory_xact_lock(%s)", (key,))
        async with other.shared() as trying:
            found = await trying.execute("select pg_try_advisory_xact_lock(%s)", (key,))
            return await found.fetchone() == (False,)


def two_names_of_one(name: str, other: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name!r} and {other!r} are two names of one database.",
        hint="Take one of them out of SLOTH_DATABASES.",
    )
