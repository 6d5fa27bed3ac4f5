"""What each kind of job means: which service of a tenant does it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio

from sloth_agent.adapters.stores.postgres.job_alarm import PostgresAlarm
from sloth_agent.app.periodic_tasks import periodic_tasks
from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.app.wiring import Services
from sloth_agent.errors import Problem
from sloth_agent.ids import ChatId, DocumentId
from sloth_agent.jobs.models import (
    THE_TENANT,
    Claim,
    JobKind,
    NewJob,
    Priority,
    Queue,
    Report,
)
from sloth_agent.jobs.working import Crew, Hands, Prepared, Working

MESSAGES_AT_ONCE = 32
"""Who answers a customer waits for a model most of the time."""

MESSAGES_OF_ONE = 12
"""However many write to one firm, there is room for the customers of others."""

SETTLED_AFTER = timedelta(seconds=20)
"""Files come in crowds: what is done once after many of them waits for others."""

KNOWN_FOR = timedelta(seconds=2)
"""How long a worker may not hear that a firm was deactivated."""

LOCKED_OUT = Problem(code="forbidden", message="The firm is deactivated.")

HELD_UP_FOR = timedelta(minutes=10)
"""How long the jobs of a firm that is locked out wait before they are looked at again."""


async def ingest(_services: Services, tenant: TenantServices, claim: Claim, report: Report) -> bool:
    document = await tenant.ingestion.ingest(DocumentId(claim.subject), claim=claim, report=report)
    if document.chunks:
        settling = NewJob(kind=JobKind.SETTLE, subject=THE_TENANT, priority=Priority.BULK)
        now = tenant.backends.clock()
        await tenant.jobs.ask(settling, now=now, due=now + SETTLED_AFTER)
    return True


async def rebuild(
    _services: Services, tenant: TenantServices, claim: Claim, report: Report
) -> bool:
    return await tenant.rebuilding.carry_out(claim, report)


async def settle(
    _services: Services, tenant: TenantServices, _claim: Claim, _report: Report
) -> bool:
    await tenant.ingestion.index.settle()
    return False


async def refresh_payments(
    services: Services, tenant: TenantServices, _claim: Claim, _report: Report
) -> bool:
    await services.paying.desk.refresh(tenant.organization.id)
    return False


async def reply(_services: Services, tenant: TenantServices, claim: Claim, _report: Report) -> bool:
    return await tenant.replying.reply(ChatId(claim.subject), claim)


Handler = Callable[[Services, TenantServices, Claim, Report], Awaitable[bool]]

_HANDLERS: dict[JobKind, Handler] = {
    JobKind.INGEST: ingest,
    JobKind.REBUILD: rebuild,
    JobKind.REPLY: reply,
    JobKind.PAYMENTS: refresh_payments,
    JobKind.SETTLE: settle,
}

WHILE_LOCKED_OUT = {JobKind.PAYMENTS}
"""A firm that is deactivated is charged, or stops paying, all the same."""


class _RecentTenants:
    """What is known of tenants, for a moment: many jobs of one come one after the other."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, tuple[TenantServices | None, datetime]] = {}

    async def of_schema(self, schema_name: str) -> TenantServices | None:
        now = self._services.backends.clock()
        self._known = {name: seen for name, seen in self._known.items() if seen[1] > now}
        if schema_name not in self._known:
            tenant = await self._services.of_schema(schema_name)
            self._known[schema_name] = tenant, now + KNOWN_FOR
        return self._known[schema_name][0]


def hands(
    services: Services,
    queues: Collection[Queue] = tuple(Queue),
    *,
    most_of_one: int | None = None,
) -> Hands:
    """Whoever takes jobs of all tenants."""
    tenants = _RecentTenants(services)

    async def prepare(schema_name: str, claim: Claim) -> Prepared | None:
        tenant = await tenants.of_schema(schema_name)
        if tenant is None:
            return None  # its jobs have gone with it
        if not tenant.organization.is_open and claim.kind not in WHILE_LOCKED_OUT:
            await tenant.jobs.put_off(
                claim,
                until=services.backends.clock() + HELD_UP_FOR,
                problem=LOCKED_OUT,
                is_try=False,
            )
            return None
        handler = _HANDLERS[claim.kind]
        return tenant.jobs, lambda claim, report: handler(services, tenant, claim, report)

    return Hands(
        board=services.job_board,
        running=services.backends.running,
        prepare=prepare,
        queues=queues,
        most_of_one=most_of_one,
    )


@asynccontextmanager
async def worker(
    services: Services, *, queues: Collection[Queue], at_once: int, on_look: Callable[[], None]
) -> AsyncIterator[Crew]:
    """Workers for the jobs of all tenants, ready to `work`; periodic tasks run beside them."""
    async with (
        PostgresAlarm.listening(services.databases) as alarm,
        anyio.create_task_group() as group,
    ):
        if Queue.PERIODIC in queues:
            group.start_soon(periodic_tasks(services).keep)
        computing = [queue for queue in queues if queue is not Queue.MESSAGES]
        waiting = [queue for queue in queues if queue is Queue.MESSAGES]
        answering = max(at_once, MESSAGES_AT_ONCE)
        shares = (
            (hands(services, computing), at_once),
            (hands(services, waiting, most_of_one=MESSAGES_OF_ONE), answering),
        )
        yield Crew(
            [
                Working(hands=some, alarm=alarm.ear(), at_once=most, on_look=on_look)
                for some, most in shares
                if some.queues
            ]
        )
        group.cancel_scope.cancel()
