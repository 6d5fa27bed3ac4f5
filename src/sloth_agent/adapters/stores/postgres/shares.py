"""How much of a pool one tenant may hold at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from sloth_agent.errors import DatabaseUnavailable


class Shares:
    """So many connections for each tenant; whoever wants more waits for its own, not for others."""

    def __init__(self, each: int, patience_seconds: float) -> None:
        self._each = each
        self._patience_seconds = patience_seconds
        self._known: WeakValueDictionary[str, anyio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one(self, tenant: str) -> AsyncIterator[None]:
        """To be held for as long as a connection is.

        Raises:
            DatabaseUnavailable: the tenant held all of its own for too long.
        """
        share = self._of(tenant)
        try:
            share.acquire_nowait()
        except anyio.WouldBlock:
            await self._waited_for(share)
        try:
            yield
        finally:
            share.release()

    async def _waited_for(self, share: anyio.Semaphore) -> None:
        try:
            with anyio.fail_after(self._patience_seconds):
                await share.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "The tenant's connections to the database are all in use.", hint="Ask again."
            ) from error

    def _of(self, tenant: str) -> anyio.Semaphore:
        """Kept while anybody holds it or waits."""
        share = self._known.get(tenant)
        if share is None:
            share = self._known[tenant] = anyio.Semaphore(self._each)
        return share
