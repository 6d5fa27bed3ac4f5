"""What firms buy through a payment provider, as the provider has it. Money is exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.ids import TenantId
from sloth_agent.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one period of a plan costs at the provider."""

    id: str  # the provider's
    plan: str | None  # the plan's slug; None: a price that is not ours
    cycle: BillingCycle | None  # None: neither by the month nor by the year
    amount: Decimal
    currency: str  # ISO 4217, such as EUR


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSubscription:
    """A subscription as the provider has it now. Moments are in UTC."""

    id: str
    customer: str
    organization: str | None  # the firm that it was made for; None: it was not made here
    status: SubscriptionStatus
    price: Price
    item: str  # what a change of the price names
    is_mixed: bool = False  # it has more than one plan, or one of them more than once
    created_at: datetime
    period_start: datetime
    period_end: datetime
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None  # where it was canceled for a moment, not for the period
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    past_due_since: datetime | None = None  # when the oldest invoice that is not paid was due

    @property
    def ends_at(self) -> datetime | None:
        """None: it was not canceled."""
        return self.period_end if self.cancel_at_period_end else self.cancel_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a firm wants to buy."""

    organization: TenantId
    customer: str
    price: str  # the provider's
    trial_end: datetime | None  # nothing is charged before; None: at once
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the provider on which a firm pays."""

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What a firm wanted to buy, and the page that it was sent to."""

    plan: str
    cycle: BillingCycle
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """A firm as the provider knows it."""

    organization: TenantId
    customer: str | None = None  # None: the provider does not know it yet
    asked_at: datetime | None = None  # what was charged before then is known
    checkout: Checkout | None = None  # the one that may be paid on


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who pays, as the provider is to know them."""

    organization: TenantId
    name: str
    email: str | None
    language: Language


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


@dataclass(frozen=True, slots=True)
class InvoicePage:
    invoices: Sequence[Invoice]
    has_more: bool


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """Something has changed at the provider. What it is now is asked for, not read from here."""

    id: str
    type: str
    customer: str | None
    subject: str  # the id of what it is about
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What the provider says of one firm, and which of its events are seen to with that."""

    asked_at: datetime
    subscriptions: Sequence[RemoteSubscription]
    charges: Sequence[Charge]
    events: Sequence[PaymentEvent]


class Handled(StrEnum):
    """What became of an event."""

    APPLIED = "applied"  # what it is about was asked for, and is ours now
    NOT_OURS = "not_ours"  # of a customer that no firm is
    UNKNOWN = "unknown"  # of a kind that changes nothing here


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """An event, and what became of it."""

    event: PaymentEvent
    received_at: datetime
    handled_at: datetime | None = None  # None: it waits
    outcome: Handled | None = None


class Occasion(StrEnum):
    """Why a firm's owner hears from us."""

    TRIAL_ENDS = "trial_ends"  # and nothing follows it unless the firm chooses a plan
    FIRST_PAYMENT = "first_payment"  # is taken when the trial ends
    PAYMENT_FAILED = "payment_failed"  # the firm is still served, for some days
    SERVICE_ENDED = "service_ended"  # it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """Something that the owner of a firm should know."""

    organization: TenantId
    occasion: Occasion
    at: datetime  # when the trial, or the service, ends or ended
