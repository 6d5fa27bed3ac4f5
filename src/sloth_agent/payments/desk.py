"""Where one firm's payments are seen to: by one at a time, whatever the process."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import anyio

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import Change
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable, InProgress, NotFound
from sloth_agent.ids import TenantId, new_id
from sloth_agent.payments.applying import applied, is_open
from sloth_agent.payments.models import Charge, Payer, PaymentEvent, RemoteSubscription, Said
from sloth_agent.payments.ports import (
    Hold,
    PayerStore,
    PaymentEventStore,
    PaymentProvider,
    PaymentStore,
)
from sloth_agent.tenants.audit import SYSTEM, Actor, AuditEvent

HOLD = timedelta(seconds=90)
"""Longer than all calls of one visit together; who holds on longer has died."""

WAIT_SECONDS = 10.0
"""How long somebody waits for their turn."""

LOOK_EVERY_SECONDS = 0.05

RELEASE_SECONDS = 5.0

CHARGES_OF = timedelta(days=120)
"""How far back charges that we know are asked for: they may have been given back. Older ones are
when an event names them."""

THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Visit:
    """One firm's payments, while nobody else changes them."""

    desk: "Desk"
    hold: Hold
    payer: Payer
    remote: Sequence[RemoteSubscription] = field(default_factory=tuple)  # as last asked for

    @property
    def customer(self) -> str:
        assert self.payer.customer is not None, "the provider knows the firm"
        return self.payer.customer

    async def save(self, payer: Payer) -> None:
        await self.desk.payers.save(payer, hold=self.hold)
        self.payer = payer

    def key(self, what: str) -> str:
        """For one change at the provider, which happens once however often it is asked for.

        Whoever follows somebody who died looks at what there is, and asks under another one.
        """
        return f"{self.payer.organization}:{what}:{new_id().hex}"

    async def refresh(self, *, by: Actor = SYSTEM) -> Subscription | None:
        """Bring what we know of the firm to what the provider says now."""
        if self.payer.customer is None:
            return await self.desk.payments.subscription(self.payer.organization)
        return await self.apply(await self.ask(), by=by)

    async def ask(self, *, charges: Collection[str] = ()) -> Said:
        """What the provider says of the firm now, which it knows; nothing is changed.

        Of charges those of late are asked for, those that events name, and these.
        """
        now = self.desk.clock()
        waiting = await self.desk.events.waiting(self.customer)
        self.remote = await self.desk.provider.subscriptions(self.customer)
        return Said(now, self.remote, await self._charges(waiting, charges), waiting)

    async def apply(self, said: Said, *, by: Actor = SYSTEM) -> Subscription | None:
        now = self.desk.clock()
        organization = self.payer.organization
        events = [each.id for each in said.events]
        event = AuditEvent.of(
            "subscription.changed", by=by, at=now, organization=organization, events=events
        )

        def decide(before: Subscription | None, plans: Plans) -> Change | None:
            after = applied(
                before,
                said.subscriptions,
                organization=organization,
                plans=plans,
                grace=self.desk.grace,
                now=now,
            )
            return None if after is None or after == before else Change.of(before, after, event)

        after = await self.desk.payments.apply(self.hold, decide, said=said, now=now)
        if self.payer.checkout is not None and any(is_open(each) for each in said.subscriptions):
            await self.save(replace(self.payer, checkout=None))  # somebody has paid there
        return after

    async def _charges(
        self, waiting: Sequence[PaymentEvent], others: Collection[str]
    ) -> Sequence[Charge]:
        since = asked_since(self.payer.asked_at)
        charges = {
            charge.id: charge
            for charge in await self.desk.provider.charges(self.customer, since=since)
        }
        named = {each.subject for each in waiting if each.type.startswith("charge.")}
        for id in (named | set(others)) - charges.keys():
            with suppress(NotFound):  # of another account
                charges[id] = await self.desk.provider.charge(id)
        return list(charges.values())


def asked_since(asked_at: datetime | None) -> datetime:
    """From when on charges are asked for, if those before `asked_at` are known."""
    return THE_BEGINNING if asked_at is None else asked_at - CHARGES_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What seeing to payments takes."""

    provider: PaymentProvider
    payers: PayerStore
    payments: PaymentStore
    events: PaymentEventStore
    clock: Clock
    grace: timedelta  # how long a firm is served that has not paid

    async def refresh(self, organization: TenantId) -> Subscription | None:
        """Bring what we know of a firm to what the provider says now.

        Raises:
            NotFound: no such organization.
            InProgress: somebody else is at it. Safe to retry.
            PaymentUnavailable: the provider does not answer. Safe to retry.
        """
        async with self.visit(organization) as visit:
            return await visit.refresh()

    @asynccontextmanager
    async def visit(self, organization: TenantId) -> AsyncIterator[Visit]:
        """Keep all others away from a firm's payments.

        Raises:
            NotFound: no such organization.
            InProgress: somebody else was at it for too long.
        """
        hold = await self._held(organization)
        try:
            payer = await self.payers.find(organization)
            yield Visit(self, hold, payer or Payer(organization=organization))
        finally:
            with (
                anyio.move_on_after(RELEASE_SECONDS, shield=True),
                suppress(BackendUnavailable),  # it ends by itself
            ):
                await self.payers.release(hold)

    async def _held(self, organization: TenantId) -> Hold:
        patience = anyio.current_time() + WAIT_SECONDS
        while True:
            now: datetime = self.clock()
            hold = await self.payers.hold(organization, now=now, until=now + HOLD)
            if hold is not None:
                return hold
            if anyio.current_time() > patience:
                raise InProgress(
                    "The firm's payments are being seen to.",
                    hint="Ask again.",
                    retry_after_seconds=5,
                )
            await anyio.sleep(LOOK_EVERY_SECONDS)
