"""What an account at Stripe holds. Times are seconds since 1970, amounts the smallest coins."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Json = dict[str, Any]
Metadata: TypeAlias = dict[str, str]


class Status(StrEnum):
    """Of a subscription."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    CANCELED = "canceled"

    @property
    def over(self) -> bool:
        return self in {Status.CANCELED, Status.INCOMPLETE_EXPIRED}


@dataclass(kw_only=True, eq=False)
class Record:
    id: str
    created: int


@dataclass(kw_only=True, eq=False)
class Customer(Record):
    email: str | None = None
    name: str | None = None
    description: str | None = None
    phone: str | None = None
    address: Json | None = None
    preferred_locales: list[str] = field(default_factory=list)
    metadata: Metadata = field(default_factory=dict)
    invoice_prefix: str
    invoices_numbered: int = 0
    balance: int = 0  # below zero: what the firm owes the customer
    currency: str | None = None
    default_payment_method: str | None = None
    delinquent: bool = False
    deleted: bool = False


@dataclass(kw_only=True, eq=False)
class PaymentMethod(Record):
    """A card."""

    customer: str
    declines: bool


@dataclass(kw_only=True, eq=False)
class Product(Record):
    name: str
    description: str | None = None
    active: bool = True
    unit_label: str | None = None
    metadata: Metadata = field(default_factory=dict)
    updated: int


@dataclass(kw_only=True, eq=False)
class Price(Record):
    product: Product
    currency: str
    unit_amount: int
    interval: str  # day, week, month, year
    interval_count: int = 1
    lookup_key: str | None = None
    nickname: str | None = None
    active: bool = True
    tax_behavior: str = "unspecified"
    metadata: Metadata = field(default_factory=dict)

    @property
    def rhythm(self) -> tuple[str, int]:
        return self.interval, self.interval_count


@dataclass(kw_only=True, eq=False)
class SubscriptionItem(Record):
    subscription: str
    price: Price
    quantity: int
    metadata: Metadata = field(default_factory=dict)
    period_start: int
    period_end: int
    billed: int = 0  # for the whole of this period: what a change of plan gives back a share of

    @property
    def amount(self) -> int:
        return self.price.unit_amount * self.quantity


@dataclass(kw_only=True, eq=False)
class Line(Record):
    """Of an invoice, or waiting for the next one."""

    amount: int
    description: str
    period_start: int
    period_end: int
    price: Price
    quantity: int
    subscription: str
    item: str
    invoice: str | None = None  # None: it waits
    invoice_item: str | None = None  # of prorations, which Stripe makes apart from an invoice


@dataclass(kw_only=True, eq=False)
class Subscription(Record):
    customer: Customer
    items: list[SubscriptionItem]
    status: Status
    anchor: int
    metadata: Metadata = field(default_factory=dict)
    description: str | None = None
    trial_start: int | None = None
    trial_end: int | None = None
    trial_end_announced: bool = False
    missing_payment_method: str = "create_invoice"
    cancel_at_period_end: bool = False
    cancel_at: int | None = None  # as the portal cancels: for a moment, not for the period
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation: Json
    default_payment_method: str | None = None
    invoices: list["Invoice"] = field(default_factory=list)
    waiting: list[Line] = field(default_factory=list)

    @property
    def period_start(self) -> int:
        return self.items[0].period_start

    @property
    def period_end(self) -> int:
        return self.items[0].period_end

    @property
    def currency(self) -> str:
        return self.items[0].price.currency


@dataclass(kw_only=True, eq=False)
class Invoice(Record):
    customer: Customer
    subscription: Subscription
    subscription_metadata: Metadata
    reason: str
    lines: list[Line]
    period_start: int
    period_end: int
    currency: str
    status: Literal["draft", "open", "paid", "uncollectible", "void"] = "draft"
    number: str | None = None
    hosted_url: str | None = None
    auto_advance: bool = True
    starting_balance: int = 0
    ending_balance: int | None = None
    amount_due: int = 0
    amount_paid: int = 0
    attempts: int = 0
    attempted: bool = False
    first_attempt_at: int | None = None
    next_attempt_at: int | None = None
    finalizes_at: int | None = None
    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None
    payment: "InvoicePayment | None" = None

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)


@dataclass(kw_only=True, eq=False)
class PaymentIntent(Record):
    customer: str
    amount: int
    currency: str
    status: str = "requires_payment_method"
    received: int = 0
    latest_charge: str | None = None
    payment_method: str | None = None
    canceled_at: int | None = None


@dataclass(kw_only=True, eq=False)
class InvoicePayment(Record):
    invoice: Invoice
    intent: PaymentIntent
    status: str = "open"
    paid_at: int | None = None
    canceled_at: int | None = None


@dataclass(kw_only=True, eq=False)
class Charge(Record):
    customer: str
    invoice: str
    payment_intent: str
    payment_method: str
    amount: int
    currency: str
    succeeded: bool
    refunded: int = 0
    disputed: bool = False


@dataclass(kw_only=True, eq=False)
class Refund(Record):
    charge: Charge
    amount: int
    reason: str | None
    metadata: Metadata


@dataclass(kw_only=True, eq=False)
class Dispute(Record):
    charge: Charge
    amount: int
    reason: str
    status: str = "needs_response"


@dataclass(kw_only=True, eq=False)
class CheckoutSession(Record):
    url: str
    customer: Customer | None
    customer_email: str | None
    prices: list[tuple[Price, int]]
    line_ids: list[str]
    success_url: str | None
    cancel_url: str | None
    client_reference_id: str | None
    metadata: Metadata
    subscription_data: Json
    payment_method_collection: str
    locale: str | None
    expires_at: int
    status: Literal["open", "complete", "expired"] = "open"
    subscription: Subscription | None = None
    invoice: Invoice | None = None

    @property
    def has_trial(self) -> bool:
        return bool({"trial_end", "trial_period_days"} & self.subscription_data.keys())

    @property
    def amount_total(self) -> int:
        if self.has_trial:
            return 0
        return sum(price.unit_amount * quantity for price, quantity in self.prices)


@dataclass(kw_only=True, eq=False)
class PortalSession(Record):
    customer: Customer
    url: str
    return_url: str | None
    configuration: str
    locale: str | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """As it was announced; later changes do not reach it."""

    id: str
    created: int
    type: str
    shown: Json


@dataclass(frozen=True, kw_only=True)
class Movement:
    """Money that came (above zero) or went."""

    at: datetime
    amount: Decimal
    currency: str
    customer: str
    invoice: str
    kind: Literal["charge", "refund", "dispute", "dispute_won"]
    source: str  # the charge, the refund or the dispute
