"""What the provider tells us: kept once, and seen to by a job."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound
from sloth_agent.payments.models import Handled, PaymentEvent
from sloth_agent.payments.ports import Kept, PaymentEventStore, PaymentProvider, Schedule

FOLLOWED = ("customer.subscription.", "invoice.", "checkout.session.", "charge.")
"""After any of these we ask what the firm has now. Others are kept, and counted."""

BURST = timedelta(seconds=2)
"""One thing is told in several events: who was just asked about waits so long for the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Events of the provider."""

    provider: PaymentProvider
    events: PaymentEventStore
    schedule: Schedule
    clock: Clock

    async def receive(self, body: bytes, signature: str) -> PaymentEvent:
        """Keep what the provider sent, and have it seen to; once this returns, nothing is lost.

        What comes again is kept once, and seen to again if it was not yet.

        Raises:
            SignatureInvalid: it is not from the provider, or too old.
        """
        event = self.provider.read_event(body, signature)
        kept = await self.events.add(event, now=self.clock())
        if kept.waits:
            await self._see_to(event, kept)
        return event

    async def _see_to(self, event: PaymentEvent, kept: Kept) -> None:
        now = self.clock()
        if not event.type.startswith(FOLLOWED):
            await self.events.settle([event.id], Handled.UNKNOWN, now=now)
        elif kept.organization is None:
            await self.events.settle([event.id], Handled.NOT_OURS, now=now)
        else:
            rested = kept.asked_at + BURST if kept.asked_at else now
            try:
                await self.schedule(kept.organization, max(now, rested))
            except NotFound:  # the firm was deleted, or is just being: its subscription ends first
                await self.events.settle([event.id], Handled.NOT_OURS, now=now)
