"""What each firm pays, and what it costs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from sloth_agent.billing.costs import Bill
from sloth_agent.billing.periods import months_after
from sloth_agent.billing.prices import PriceTable
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput

SHOWN = Decimal("0.0001")
"""Costs are rounded to this, half to even, once for each firm; margins and totals add up what is
shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a tenant lives."""

    database: str
    schema_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """A firm, and what a month of its subscription brought at a moment."""

    slug: str
    home: Home
    plan: str | None = None  # None: it had no subscription
    status: SubscriptionStatus | None = None
    revenue: Decimal = Decimal("0.00")
    currency: str | None = None


class Payers(Protocol):
    """All firms of the install."""

    async def before(self, moment: datetime) -> Sequence[Payer]:
        """By slug, each with the subscription that it had just before a moment."""


class CostsOfAll(Protocol):
    """The costs of all tenants, in all databases."""

    async def of(self, month: date) -> "CostsRead":
        """What a month has cost so far, in the databases that can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsRead:
    """The costs of a month."""

    bills: Mapping[Home, Sequence[Bill]]  # who cost nothing is left out
    databases: Collection[str]  # the others may hold costs that nobody knows of


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmMargin:
    """One firm in one month, in the currency of its plan."""

    payer: Payer
    currency: str
    cost: Decimal | None  # None: no rate leads to this currency, or nobody could ask for the bills
    bills: tuple[Bill, ...]
    is_read: bool = True  # False: the database where the firm lives could not be asked

    @property
    def margin(self) -> Decimal | None:
        return None if self.cost is None else self.payer.revenue - self.cost

    @property
    def loss(self) -> bool:
        """Whether it is known to cost more than it pays."""
        return self.margin is not None and self.margin < 0

    @property
    def unpriced_calls(self) -> int:
        """Calls that the cost does not hold, since nobody knew their price."""
        return sum(spent.unpriced_calls for bill in self.bills for spent in bill.spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """All firms of one currency."""

    currency: str
    firms: int
    losses: int
    revenue: Decimal
    cost: Decimal | None  # None: that of a firm is not known
    unpriced_calls: int

    @property
    def margin(self) -> Decimal | None:
        return None if self.cost is None else self.revenue - self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """All firms in one month."""

    month: date  # its first day
    firms: tuple[FirmMargin, ...]

    @property
    def unread_databases(self) -> Sequence[str]:
        """Where firms live whose costs are unknown."""
        return sorted({firm.payer.home.database for firm in self.firms if not firm.is_read})

    @property
    def lacks_rates(self) -> bool:
        """Whether some costs are known in other currencies alone."""
        return any(firm.is_read and firm.cost is None for firm in self.firms)

    @property
    def totals(self) -> Sequence[Total]:
        """By currency: money of several is not added up."""
        currencies = sorted({firm.currency for firm in self.firms})
        return [_total(name, [f for f in self.firms if f.currency == name]) for name in currencies]


@dataclass(frozen=True, slots=True)
class Margins:
    """Revenue and costs of all firms."""

    payers: Payers
    costs: CostsOfAll
    subscriptions: Subscriptions
    prices: PriceTable
    clock: Clock

    async def report(self, month: date | None = None) -> MarginReport:
        """What each firm paid and cost in a month of the calendar (UTC); None: in this one.

        A firm pays by what it had at the end of the month, or has now: so each month that is paid
        counts once.

        Raises:
            InvalidInput: the month has not begun.
        """
        now = self.clock()
        start = datetime.combine((month or now.date()).replace(day=1), datetime.min.time(), UTC)
        if start > now:
            raise InvalidInput(f"{start:%Y-%m} has not begun.", field="month")
        await self.subscriptions.settle()
        payers = await self.payers.before(months_after(start, 1))
        costs = await self.costs.of(start.date())
        return MarginReport(
            month=start.date(),
            firms=tuple(self._margin(payer, costs) for payer in payers),
        )

    def _margin(self, payer: Payer, costs: CostsRead) -> FirmMargin:
        currency = payer.currency or self.prices.currency
        if payer.home.database not in costs.databases:
            return FirmMargin(payer=payer, currency=currency, cost=None, bills=(), is_read=False)
        bills = costs.bills.get(payer.home, ())
        cost = _sum(
            self.prices.in_currency(bill.total, currency, of=bill.currency) for bill in bills
        )
        if cost is not None:
            cost = cost.quantize(SHOWN, ROUND_HALF_EVEN)
        return FirmMargin(payer=payer, currency=currency, cost=cost, bills=tuple(bills))


def _total(currency: str, firms: Sequence[FirmMargin]) -> Total:
    return Total(
        currency=currency,
        firms=len(firms),
        losses=sum(firm.loss for firm in firms),
        revenue=sum((firm.payer.revenue for firm in firms), Decimal(0)),
        cost=_sum(firm.cost for firm in firms),
        unpriced_calls=sum(firm.unpriced_calls for firm in firms),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None where one of them is not known."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
