"""What taking payments needs from outside. Each method of a store is one transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from sloth_agent.billing.allowance import UsageReport
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import Decide
from sloth_agent.billing.states import BillingCycle
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import (
    Charge,
    Contact,
    Handled,
    InvoicePage,
    KeptEvent,
    Order,
    Page,
    Payer,
    PaymentEvent,
    Price,
    Reminder,
    RemoteSubscription,
    Said,
)


class PaymentProvider(Protocol):
    """Who takes the money.

    What changes something there takes a `key`: however often it is asked for under the same key,
    it happens once. Everything may raise:
        PaymentUnavailable: no answer after the adapter's own tries, within 10 s; or the provider
            refuses our credentials, and the hint says which. Safe to retry.
    """

    async def check(self) -> str:
        """Whether it answers and knows us, in words."""

    async def create_customer(self, contact: Contact, *, key: str) -> str:
        """Make a firm known; returns its id there."""

    async def knows(self, customer: str) -> bool:
        """False: it was deleted there, or is of another account."""

    async def begin_checkout(self, order: Order, *, key: str) -> Page:
        """A page on which the firm pays what it wants to buy."""

    async def end_checkout(self, id: str) -> bool:
        """Let nobody pay on a page any more; False: somebody has paid there already."""

    async def subscriptions(self, customer: str) -> Sequence[RemoteSubscription]:
        """All of one firm, newest first; those that ended too.

        Those whose first payment never came are left out.
        """

    def all_subscriptions(self) -> AsyncIterator[Sequence[RemoteSubscription]]:
        """Those of all customers, page by page."""

    async def change_price(self, subscription: RemoteSubscription, price: str, *, key: str) -> None:
        """Go on under another price from now on.

        What more it costs for the rest of the period is charged at once; what less is credited.

        Raises:
            PaymentDeclined: the difference could not be charged; nothing has changed.
        """

    async def cancel(self, id: str, *, at_period_end: bool, key: str) -> None:
        """End a subscription, at once or with its period; one that has ended is no error."""

    async def resume(self, subscription: RemoteSubscription, *, key: str) -> None:
        """Go on after all."""

    async def open_portal(self, customer: str, *, return_url: str) -> str:
        """A page of the provider on which a firm changes its card and sees its invoices."""

    async def invoices(self, customer: str, *, after: str | None, limit: int) -> InvoicePage:
        """Newest first; `after` is the id of the last one of the page before.

        Raises:
            NotFound: the firm has no such invoice.
        """

    async def charges(self, customer: str, *, since: datetime) -> Sequence[Charge]:
        """Of one firm, newest first."""

    def all_charges(self, *, since: datetime) -> AsyncIterator[Sequence[Charge]]:
        """Those of all customers, page by page; those given back or disputed since then too."""

    async def charge(self, id: str) -> Charge: ...

    async def prices(self) -> Sequence[Price]:
        """All of ours that can be bought."""

    async def offer(self, plan: str, name: str) -> None:
        """Have a product of that name for a plan."""

    async def set_price(
        self, plan: str, cycle: BillingCycle, amount: Decimal, currency: str
    ) -> Price:
        """Sell a plan at this price from now on, and at no other; who has it keeps theirs."""

    async def withdraw(self, price: Price) -> None:
        """Let nobody buy at this price any more; who has it keeps it."""

    def read_event(self, body: bytes, signature: str) -> PaymentEvent:
        """What the provider sends us.

        Raises:
            SignatureInvalid: it is not from the provider, or too old.
        """


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to change one firm's payments until it ends."""

    organization: TenantId
    token: UUID


class PayerStore(Protocol):
    """Firms as the provider knows them, and who is busy with which."""

    async def hold(self, organization: TenantId, *, now: datetime, until: datetime) -> Hold | None:
        """None: somebody else holds it.

        Raises:
            NotFound: no such organization.
        """

    async def release(self, hold: Hold) -> None: ...

    async def find(self, organization: TenantId) -> Payer | None: ...

    async def save(self, payer: Payer, *, hold: Hold) -> None:
        """Raises:
        InProgress: somebody else holds the firm by now; nothing is stored.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PayingFirm:
    """A firm that the provider knows, and what it has."""

    organization: TenantId
    slug: str
    customer: str
    asked_at: datetime | None
    subscription: Subscription | None


class PaymentStore(Protocol):
    """What came of payments."""

    async def subscription(self, organization: TenantId) -> Subscription | None: ...

    async def apply(
        self,
        hold: Hold,
        decide: Decide,
        *,
        said: Said,
        now: datetime,
    ) -> Subscription | None:
        """Bring a firm to what the provider said, and mark the events that told of it as applied.

        All or nothing.

        Raises:
            InProgress: somebody else holds the firm by now.
        """

    async def charges(self, organization: TenantId) -> Sequence[Charge]:
        """Oldest first."""

    async def payers(self, *, after: str | None, limit: int) -> Sequence[PayingFirm]:
        """Firms that the provider knows, by slug; `after` is the last one of the page before."""

    async def unknown(self, charges: Collection[Charge]) -> Sequence[Charge]:
        """Those of customers of ours that we do not know, or know otherwise."""


class Contacts(Protocol):
    """Who pays for firms."""

    async def of(self, organization: TenantId) -> Contact:
        """Raises:
        NotFound: no such organization.
        """


class UsageOf(Protocol):
    """What firms use."""

    async def report(self, organization: TenantId) -> UsageReport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event that is stored, and whose it is."""

    waits: bool  # to be handled
    organization: TenantId | None  # None: of no firm
    asked_at: datetime | None  # when the provider was last asked about it


class PaymentEventStore(Protocol):
    async def add(self, event: PaymentEvent, *, now: datetime) -> Kept:
        """Keep an event, once."""

    async def waiting(self, customer: str) -> Sequence[PaymentEvent]:
        """Of one customer, those that were not handled yet, oldest first."""

    async def all(self, customer: str) -> Sequence[KeptEvent]:
        """Of one customer, in the order in which they came."""

    async def counts(self) -> Mapping[Handled | None, int]:
        """How many became what; None: they wait."""

    async def give_up_on_strangers(self, *, now: datetime) -> None:
        """Those that wait for a firm which is not here any more are not ours."""

    async def overdue(self, *, before: datetime) -> Collection[str]:
        """Customers of whom something was received before then, and is not handled yet."""

    async def settle(self, ids: Collection[str], outcome: Handled, *, now: datetime) -> None: ...


class ReminderStore(Protocol):
    """Which reminders were sent."""

    async def claim(self, reminder: Reminder, *, now: datetime, until: datetime) -> bool:
        """Whether it is to be sent, and by nobody else until then."""

    async def sent(self, reminder: Reminder, *, at: datetime) -> None: ...


Schedule = Callable[[TenantId, datetime], Awaitable[None]]
"""Has a firm's payments looked at from a moment on, by a job that survives this process."""
