"""What the requests of one process share: the library, and what runs beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio

from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.choices import jobs_choice
from sloth_agent.app.open_tenants import OpenTenants
from sloth_agent.app.wiring import Services
from sloth_agent.server.limiting import Limiter, limiter_of

_log = logging.getLogger(__name__)

UPLOADS_AT_ONCE = 4
"""Others wait on disk for their turn."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The library as the server uses it."""

    sloth: AsyncSloth
    tenants: OpenTenants
    limiter: Limiter
    uploads: anyio.CapacityLimiter  # files that are in memory at once

    @property
    def services(self) -> Services:
        return self.sloth.services

    @property
    def settings(self) -> Settings:
        return self.sloth.settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Platform]:
    """Open for business; background jobs are done beside, where the settings say so."""
    async with AsyncExitStack() as stack:
        sloth = await stack.enter_async_context(AsyncSloth(settings))
        limiter = await stack.enter_async_context(limiter_of(settings))
        if settings.serve_jobs and jobs_choice(settings) == "embedded":
            await stack.enter_async_context(_jobs_of(sloth))
        uploads = anyio.CapacityLimiter(UPLOADS_AT_ONCE)
        yield Platform(sloth, OpenTenants(sloth.services), limiter, uploads)


@asynccontextmanager
async def _jobs_of(sloth: AsyncSloth) -> AsyncIterator[None]:
    async with sloth.worker() as worker, asyncio.TaskGroup() as group:
        working = group.create_task(worker.work())
        try:
            yield
        finally:
            worker.stop()
            await working


class Door:
    """Opens the platform when the server starts; mounted elsewhere, with the first request.

    All of it lives in a task of its own, which both outlive no longer than the event loop.
    """

    def __init__(self, settings: Settings | None) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Platform] | None = None
        self._closing = asyncio.Event()

    async def platform(self) -> Platform:
        """Raises:
        SlothError: it cannot be opened now; the next call tries again.
        """
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._keep_open(self._opened))
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        self._closing.set()
        if self._task is not None:
            await self._task

    async def _keep_open(self, opened_to: "asyncio.Future[Platform]") -> None:
        try:
            async with opened(self._settings or Settings.load()) as platform:
                opened_to.set_result(platform)
                await self._closing.wait()
        except Exception as error:  # noqa: BLE001 - the outer edge: the next request opens anew
            self._opened = None
            if opened_to.done():
                _log.error("What the server runs on has failed.", exc_info=error)
            else:
                opened_to.set_exception(error)
