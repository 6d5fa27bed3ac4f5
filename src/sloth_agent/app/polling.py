"""Asks messengers for what people wrote, and answers them: for installs that nobody can reach."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, cast

import anyio

from sloth_agent.app.choices import jobs_choice
from sloth_agent.app.sloth import AsyncSloth
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.channels.connecting import webhook_of
from sloth_agent.channels.inbox import Inbox
from sloth_agent.channels.models import Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.ports import Polled
from sloth_agent.errors import (
    BackendUnavailable,
    ChannelRefused,
    NotSetUp,
    Problem,
    RateLimited,
    SlothError,
)

PAUSE_SECONDS = 2.0
"""While a messenger, or our own database, is away."""

LAST_SECONDS = 5.0
"""How long a vendor may take to hear that we leave."""

Tell = Callable[[str], None]


class Stop(Protocol):
    async def wait(self) -> object: ...


async def answer_by_polling(
    sloth: AsyncSloth, tenant: AsyncTenant, type: IntegrationType, *, stop: Stop, tell: Tell
) -> None:
    """Until `stop`; what has begun is finished first.

    An account that cannot be listened to any more is told of and left, as long as there are others.

    Raises:
        NotSetUp: nothing of this type is connected.
        ChannelRefused: the messenger does not take the credentials of the last account any more.
        Conflict: somebody else asks for it.
        CredentialUnreadable, NotFound: what opens it is lost, or it was disconnected meanwhile.
    """
    connected = [
        each
        for each in await tenant.integrations()
        if each.type is type and each.status is not IntegrationStatus.DISABLED
    ]
    if not connected:
        raise NotSetUp(
            f"No account at {type} is connected.",
            hint=f"Run `sloth channels connect {type}` first.",
        )
    heard = {integration.id for integration in connected}
    last_failure: SlothError | None = None

    async def listen(integration: Integration) -> None:
        nonlocal last_failure
        try:
            await _listen(tenant, integration)
        except SlothError as error:
            heard.remove(integration.id)
            if heard:
                tell(f"No longer listening as {_name(integration)}: {Problem.of(error).message}")
                return
            last_failure = error  # raised as it is, and not in a group of errors
            group.cancel_scope.cancel()

    async with _jobs_of(sloth), anyio.create_task_group() as group:
        for integration in connected:
            aside = ", its webhook is set aside meanwhile" if webhook_of(integration) else ""
            tell(f"Listening as {_name(integration)}{aside}.")
            group.start_soon(listen, integration)
        await stop.wait()
        group.cancel_scope.cancel()
    if last_failure is not None:
        raise last_failure


def _name(integration: Integration) -> str:
    return str(integration.settings.get("username", integration.id))


@asynccontextmanager
async def _jobs_of(sloth: AsyncSloth) -> AsyncIterator[None]:
    """Where Celery does jobs its workers answer."""
    if jobs_choice(sloth.settings) != "embedded":
        yield
        return
    async with sloth.worker() as crew, anyio.create_task_group() as group:
        group.start_soon(crew.work)
        try:
            yield
        finally:
            crew.stop()


async def _listen(tenant: AsyncTenant, integration: Integration) -> None:
    services = tenant.services
    messenger = services.backends.messenger(integration.type)
    credentials = await services.integrations.credentials(integration.id)
    async with messenger.open(credentials, integration.settings) as line:
        polled = cast("Polled", line)
        try:
            await _poll(services.inbox, polled, integration)
        except ChannelRefused as error:
            await services.integrations.mark(
                integration.id, IntegrationStatus.ERROR, Problem.of(error)
            )
            raise
        except anyio.get_cancelled_exc_class():
            await _leave(polled, integration)
            raise


async def _poll(inbox: Inbox, polled: Polled, integration: Integration) -> None:
    listens_elsewhere = True
    confirmed: str | None = None
    while True:
        try:
            if listens_elsewhere:
                await polled.listen_here()
                listens_elsewhere = False
            payloads, after = await polled.poll(confirmed)
            for payload in payloads:
                await inbox.take(integration, payload)
        except (BackendUnavailable, RateLimited):
            await anyio.sleep(PAUSE_SECONDS)
        else:
            confirmed = after


async def _leave(polled: Polled, integration: Integration) -> None:
    """Have the vendor tell what happens where it told it before."""
    url = webhook_of(integration)
    with anyio.move_on_after(LAST_SECONDS, shield=True), suppress(SlothError):
        if url:
            await polled.listen(url)
