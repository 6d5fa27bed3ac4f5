"""What firms buy through a payment provider, as the provider has it. Money is exact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one period of a plan costs at the provider."""

    id: str  # the provider's
    plan: str | None  # the plan's slug; None: a price that is not ours
    cycle: BillingCycle | None  # None: neither by the month nor by the year
    amount: Decimal
    currency: str  # ISO 4217, such as EUR
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSubscription:
    """A subscription as the provider has it now. Moments are in UTC."""

    id: str
    customer: str
    status: SubscriptionStatus
    price: Price
    item: str  # what a change of the price names
    created_at: datetime
    anchor: datetime  # its periods are counted from here
    period_start: datetime
    period_end: datetime
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    past_due_since: datetime | None = None  # when the oldest invoice that is not paid was due


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a firm wants to buy."""

    organization: TenantId
    customer: str
    price: str  # the provider's
    trial_end: datetime | None  # nothing is charged before; None: at once
    success_url: str
    cancel_url: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the provider on which a firm pays."""

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """One try of a firm to buy something: the same key is the same page."""

    key: str
    plan: str
    cycle: BillingCycle
    price: str  # the provider's
    trial_end: datetime | None
    page: Page | None = None  # None: asked for, and not known yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """A firm as the provider knows it."""

    organization: TenantId
    customer: str | None = None  # None: the provider does not know it yet
    attempt: int = 0  # of this firm to change something at the provider
    checkout: Checkout | None = None  # the last one that was begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who pays, as the provider is to know them."""

    organization: TenantId
    name: str
    email: str | None
    language: str


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    id: str
    number: str | None  # None: a draft
    status: InvoiceStatus
    total: Decimal
    paid: Decimal
    currency: str
    created_at: datetime
    url: str | None  # the provider's page of it
    pdf: str | None


class ChargeStatus(StrEnum):
    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Money that was taken, or could not be."""

    id: str
    customer: str
    amount: Decimal
    refunded: Decimal
    currency: str
    status: ChargeStatus
    created_at: datetime
    dispute: str | None = None  # its state, such as `needs_response`; None: nobody disputes it

    @property
    def kept(self) -> Decimal:
        """What was taken and not given back."""
        taken = self.amount if self.status is ChargeStatus.SUCCEEDED else Decimal(0)
        return taken - self.refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """Something has changed at the provider. What it is now is asked for, not read from here."""

    id: str
    type: str
    customer: str | None
    subject: str  # the id of what it is about
    created_at: datetime


class Handled(StrEnum):
    """What became of an event."""

    APPLIED = "applied"  # what it is about was asked for, and is ours now
    NOT_OURS = "not_ours"  # of a customer that no firm is
    UNKNOWN = "unknown"  # of a kind that changes nothing here


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    event: PaymentEvent
    received_at: datetime
    handled_at: datetime | None
    outcome: Handled | None


class Difference(StrEnum):
    """How ours may differ from the provider's."""

    SUBSCRIPTION = "subscription"  # plan, state or dates of it: repaired
    CHARGE = "charge"  # one that we did not know, or knew otherwise: repaired
    UNKNOWN_PRICE = "unknown_price"  # a subscription to something that no plan is
    UNKNOWN_CUSTOMER = "unknown_customer"  # a subscription that says it is ours, of no firm here
    SEVERAL = "several_subscriptions"  # of one firm: an operator decides which of them goes
    MISSING = "missing"  # we know of one, and the provider does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One difference, and whether it is gone now."""

    difference: Difference
    tenant: str | None  # the slug
    subject: str  # the provider's id
    repaired: bool
    details: Mapping[str, str | None] = field(default_factory=dict)
