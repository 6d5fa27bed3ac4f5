"""What the requests of one process share: the library, and what runs beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio

from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.choices import HEARS_NOTHING, jobs_choice, refuses_webhooks
from sloth_agent.app.error_reports import reporting
from sloth_agent.app.observers import Observers
from sloth_agent.app.open_tenants import OpenTenants
from sloth_agent.app.wiring import Services
from sloth_agent.server.limiting import Limiter, Rates, limiter_of
from sloth_agent.server.pacing import Pace
from sloth_agent.server.waiting_jobs import WaitingJobs

JOBS_DRAIN_SECONDS = 8.0
"""How long jobs may go on once the last request was answered."""

VISITORS_WAIT_SECONDS = 8.0
"""How long visitors wait for their firm's turn; what a flood brings beyond is refused."""

_log = logging.getLogger(__name__)

UPLOADS_AT_ONCE = 4
"""Others wait on disk for their turn."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The library as the server uses it."""

    sloth: AsyncSloth
    tenants: OpenTenants
    limiter: Limiter
    rates: Rates
    pace: Pace  # of each firm
    visitors_pace: Pace  # of each firm's visitors, so that they keep nobody of it waiting
    uploads: anyio.CapacityLimiter  # files that are in memory at once
    waiting_jobs: WaitingJobs

    @property
    def services(self) -> Services:
        return self.sloth.services

    @property
    def settings(self) -> Settings:
        return self.sloth.settings


@asynccontextmanager
async def opened(settings: Settings, observers: Observers) -> AsyncIterator[Platform]:
    """Open for business; background jobs are done beside, where the settings say so.

    Raises:
        ConfigurationError: also for secrets that can be guessed.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(reporting(settings))
        sloth = await stack.enter_async_context(AsyncSloth(settings, observers=observers))
        services = sloth.services
        services.backends.token_signer  # noqa: B018 - bad secrets are found here, not at a sign-in
        services.backends.payments  # noqa: B018 - loading an SDK takes longer than a webhook may wait
        if refuses_webhooks(settings):
            _log.warning(HEARS_NOTHING)
        limiter = await stack.enter_async_context(limiter_of(settings))
        if settings.serve_jobs and jobs_choice(settings) == "embedded":
            await stack.enter_async_context(_jobs_of(sloth))
        rates = Rates.of(settings)
        uploads = anyio.CapacityLimiter(UPLOADS_AT_ONCE)
        waiting = WaitingJobs(services.job_board, services.backends.clock)
        pace = Pace(settings.tenant_requests_per_minute / 60)
        yield Platform(
            sloth,
            OpenTenants(services),
            limiter,
            rates,
            pace,
            Pace(pace.per_second, VISITORS_WAIT_SECONDS),
            uploads,
            waiting,
        )


@asynccontextmanager
async def _jobs_of(sloth: AsyncSloth) -> AsyncIterator[None]:
    async with sloth.worker() as patient, asyncio.TaskGroup() as group:
        worker = patient.draining_for(JOBS_DRAIN_SECONDS)
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

    def __init__(self, settings: Settings, observers: Observers) -> None:
        self._settings = settings
        self._observers = observers
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
        if self._opened.done():
            return self._opened.result()
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        self._closing.set()
        if self._task is not None:
            await self._task

    async def _keep_open(self, opened_to: "asyncio.Future[Platform]") -> None:
        try:
            async with opened(self._settings, self._observers) as platform:
                opened_to.set_result(platform)
                await self._closing.wait()
        except Exception as error:  # noqa: BLE001 - the outer edge: the next request opens anew
            self._opened = None
            if opened_to.done():
                _log.error("What the server runs on has failed.", exc_info=error)
            else:
                opened_to.set_exception(error)
