"""The databases of one install, each connected when it is first asked for."""

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

    async def all(self) -> list[tuple[str, Database]]:
        return [(name, await self.get(name)) for name in self.names]
