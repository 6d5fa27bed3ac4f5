"""How a firm came to what it has: all that was told, decided and charged, in its order."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sloth_agent.billing.models import Subscription
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.payments.models import Charge, ChargeStatus, KeptEvent
from sloth_agent.payments.ports import PayerStore, PaymentEventStore, PaymentStore
from sloth_agent.tenants.audit import MOST_AT_ONCE, AuditEvent, AuditStore
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.organizations import Organizations

ABOUT_IT = ("subscription.*", "code.*", "referral.*")
"""What of the audit log tells of what a firm has."""


class Kind(StrEnum):
    EVENT = "event"  # the payment provider told of something
    DECISION = "decision"  # what the firm has was changed, or was asked for and refused
    CHARGE = "charge"  # money was taken, or could not be


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a firm's history."""

    at: datetime
    kind: Kind
    what: str  # an event's type, an action of the audit log, what became of a charge
    subject: str | None  # the id of what it was about
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    organization: Organization
    customer: str | None  # the provider's name for the firm; None: it does not know it
    subscription: Subscription | None
    entries: Sequence[Entry]  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """Asks nobody outside: this is what we know, and when we came to know it."""

    organizations: Organizations
    subscriptions: Subscriptions
    audit: AuditStore
    payers: PayerStore
    payments: PaymentStore
    events: PaymentEventStore

    async def explain(self, slug: str) -> Explanation:
        """Raises:
        NotFound: no such tenant.
        """
        organization = await self.organizations.show(slug)
        payer = await self.payers.find(organization.id)
        customer = payer.customer if payer else None
        told = await self.events.all(customer) if customer else ()
        charges = await self.payments.charges(organization.id)
        entries = [
            *map(_of_event, told),
            *map(_of_charge, charges),
            *[_of_decision(each) async for each in self._decisions(organization)],
        ]
        return Explanation(
            organization=organization,
            customer=customer,
            subscription=await self.subscriptions.current(organization.id),
            entries=sorted(entries, key=lambda entry: entry.at),
        )

    async def _decisions(self, organization: Organization) -> AsyncIterator[AuditEvent]:
        for action in ABOUT_IT:
            before = None
            while page := await self.audit.newest(
                organization=organization.id, action=action, before=before, limit=MOST_AT_ONCE
            ):
                for each in page:
                    yield each
                before = page[-1].id


def _of_event(kept: KeptEvent) -> Entry:
    handled = kept.handled_at.isoformat() if kept.handled_at else None
    return Entry(
        at=kept.received_at,
        kind=Kind.EVENT,
        what=kept.event.type,
        subject=kept.event.id,
        details={
            "created_at": kept.event.created_at.isoformat(),
            "handled_at": handled,
            "outcome": kept.outcome.value if kept.outcome else "waiting",
        },
    )


def _of_charge(charge: Charge) -> Entry:
    details: dict[str, object] = {
        "amount": str(charge.amount),
        "refunded": str(charge.refunded),
        "currency": charge.currency,
        "dispute": charge.dispute,
    }
    taken = charge.status is ChargeStatus.SUCCEEDED
    return Entry(
        at=charge.created_at,
        kind=Kind.CHARGE,
        what="taken" if taken else charge.status.value,
        subject=charge.id,
        details=details,
    )


def _of_decision(event: AuditEvent) -> Entry:
    return Entry(
        at=event.at,
        kind=Kind.DECISION,
        what=event.action,
        subject=event.subject,
        details={"by": event.by.name, **event.details},
    )
