"""The state of the account: its records, its clock, its events, its money."""

import heapq
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Literal, TypeVar, cast

from fakes.stripe_server.money import in_money
from fakes.stripe_server.records import (
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    Event,
    Invoice,
    InvoicePayment,
    Json,
    Movement,
    PaymentIntent,
    PaymentMethod,
    PortalSession,
    Price,
    Product,
    Record,
    Refund,
    Subscription,
    SubscriptionItem,
)
from fakes.stripe_server.refusals import no_such
from fakes.stripe_server.shapes import shown

R = TypeVar("R", bound=Record)

API_VERSION = "2026-10-28.endive"
LETTERS = string.ascii_letters + string.digits

EVENT_NAMES: dict[type[Record], str] = {
    Customer: "customer",
    PaymentMethod: "payment_method",
    Product: "product",
    Price: "price",
    Subscription: "customer.subscription",
    Invoice: "invoice",
    InvoicePayment: "invoice_payment",
    PaymentIntent: "payment_intent",
    Charge: "charge",
    Refund: "refund",
    Dispute: "charge.dispute",
    CheckoutSession: "checkout.session",
}

NOUNS: dict[type[Record], str] = {
    Charge: "charge",
    CheckoutSession: "checkout.session",
    Customer: "customer",
    Dispute: "dispute",
    Invoice: "invoice",
    PaymentIntent: "payment_intent",
    PaymentMethod: "PaymentMethod",
    PortalSession: "billing_portal.session",
    Price: "price",
    Product: "product",
    Refund: "refund",
    Subscription: "subscription",
    SubscriptionItem: "subscription_item",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a firm chooses in Stripe's dashboard, and how patient Stripe is."""

    retry_days: tuple[int, ...] = (1, 3, 5, 7)  # after the first failure, not after the last
    after_retries: Literal["unpaid", "canceled", "past_due"] = "unpaid"
    draft_seconds: int = 3600  # an invoice of a renewal waits so long before it is charged
    incomplete_seconds: int = 23 * 3600  # a subscription without its first payment


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The request under way, which its events name; both None where time passes by itself."""

    request: str | None = None
    idempotency_key: str | None = None


@dataclass
class Book:
    """Not safe for threads: the server lets in one at a time."""

    now: int
    url: str
    rules: Rules
    cause: Cause = field(default_factory=Cause)
    events: list[Event] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    _by_kind: dict[type[Record], dict[str, Record]] = field(default_factory=dict)
    _alarms: list[tuple[int, int, Record]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def new_id(self, prefix: str, length: int = 14) -> str:
        return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"

    def add(self, record: R) -> R:
        """Keep a record, without an event."""
        self._by_kind.setdefault(type(record), {})[record.id] = record
        return record

    def created(self, record: R) -> R:
        """Keep a record, and tell that it is there."""
        self.add(record)
        self.tell(record, "created")
        return record

    def get(self, kind: type[R], id: str, *, param: str = "id") -> R:
        record = self._by_kind.get(kind, {}).get(id)
        if record is None:
            raise no_such(NOUNS[kind], id, param=param)
        return cast("R", record)

    def of(self, kind: type[R]) -> list[R]:
        """In the order of their making."""
        return cast("list[R]", list(self._by_kind.get(kind, {}).values()))

    def find(self, id: str) -> Record | None:
        """Whatever bears this id."""
        return next((each[id] for each in self._by_kind.values() if id in each), None)

    def customer(self, id: str, *, param: str = "customer") -> Customer:
        """One that was not deleted."""
        customer = self.get(Customer, id, param=param)
        if customer.deleted:
            raise no_such("customer", id, param=param)
        return customer

    def tell(self, record: Record, what: str, previous: Json | None = None) -> None:
        self.announce(f"{EVENT_NAMES[type(record)]}.{what}", shown(record), previous)

    @contextmanager
    def changing(self, record: Record) -> Iterator[None]:
        """Tell of an update what was there before; of one that changes nothing, nothing."""
        before = shown(record)
        yield
        if previous := _differences(before, shown(record)):
            self.tell(record, "updated", previous)

    def announce(self, type: str, object: Json, previous: Json | None = None) -> None:
        data: Json = {"object": object}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Json = {
            "id": self.new_id("evt", 24),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {
                "id": self.cause.request,
                "idempotency_key": self.cause.idempotency_key,
            },
            "type": type,
        }
        made = Event(id=event["id"], created=self.now, type=type, shown=event)
        self.events.append(made)

    def move(
        self,
        charge: Charge,
        amount: int,
        kind: Literal["charge", "refund", "dispute", "dispute_won"],
        source: str,
    ) -> None:
        self.movements.append(
            Movement(
                at=datetime.fromtimestamp(self.now, UTC),
                amount=in_money(amount, charge.currency),
                currency=charge.currency,
                customer=charge.customer,
                invoice=charge.invoice,
                kind=kind,
                source=source,
            )
        )

    def wake(self, record: Record, at: int) -> None:
        """Look at a record again when its time has come; once too often does no harm."""
        heapq.heappush(self._alarms, (at, next(self._order), record))

    def next_alarm(self, until: int) -> tuple[int, Record] | None:
        if not self._alarms or self._alarms[0][0] > until:
            return None
        at, _, record = heapq.heappop(self._alarms)
        return at, record


def merged(metadata: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """An empty text takes a name away; None, all of them."""
    if change is None:
        return {}
    return {name: text for name, text in (metadata | change).items() if text}


def _differences(before: Json, after: Json) -> Json:
    """The former values of what has changed; of an object within, only its changed part."""
    changed: Json = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed[name] = _differences(old, new)
        else:
            changed[name] = old
    return changed
