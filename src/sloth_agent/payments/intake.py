"""What the provider tells us: kept once, and seen to by a job."""

from dataclasses import dataclass

from sloth_agent.clock import Clock
from sloth_agent.payments.models import Handled, PaymentEvent
from sloth_agent.payments.ports import PayerStore, PaymentEventStore, PaymentProvider, Schedule

FOLLOWED = ("customer.subscription.", "invoice.", "checkout.session.", "charge.")
"""After any of these we ask what the firm has now. Others are kept, and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Events of the provider."""

    provider: PaymentProvider
    events: PaymentEventStore
    payers: PayerStore
    schedule: Schedule
    clock: Clock

    async def receive(self, body: bytes, signature: str) -> PaymentEvent:
        """Keep what the provider sent, and have it seen to; once this returns, nothing is lost.

        What comes again is kept once, and seen to again if it was not yet.

        Raises:
            SignatureInvalid: it is not from the provider, or too old.
        """
        event = self.provider.read_event(body, signature)
        if await self.events.add(event, now=self.clock()):
            await self._see_to(event)
        return event

    async def _see_to(self, event: PaymentEvent) -> None:
        if not event.type.startswith(FOLLOWED):
            await self.events.settle([event.id], Handled.UNKNOWN, now=self.clock())
            return
        firm = await self.payers.of_customer(event.customer) if event.customer else None
        if firm is None:
            await self.events.settle([event.id], Handled.NOT_OURS, now=self.clock())
        else:
            await self.schedule(firm)
