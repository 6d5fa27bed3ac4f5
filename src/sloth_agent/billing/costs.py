"""What a tenant's calls of models cost: counted by month, with the work that they were for."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Protocol

import anyio

from sloth_agent.billing.periods import months_after
from sloth_agent.billing.prices import CostKind, Price, PriceTable
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    ConfigurationError,
    CostLimitExceeded,
    DatabaseUnavailable,
)
from sloth_agent.ids import TenantId

BYTES_PER_TOKEN = 4
"""About what tokenizers need in our languages, between English with more and others with less."""

STORING_SECONDS = 5
"""How long somebody who gave up waits until what was spent is stored."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What calls of one model came to."""

    kind: CostKind
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    estimated_tokens: int  # how many of them nobody counted
    unpriced_calls: int  # how many are of unknown price, and not in the cost
    cost: Decimal

    def plus(self, other: "Spent") -> "Spent":
        return replace(
            self,
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            estimated_tokens=self.estimated_tokens + other.estimated_tokens,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
            cost=self.cost + other.cost,
        )


OnCall = Callable[[Spent, str], None]
"""Hears of each call of a model, and in which currency its cost is; also of those that are free."""


def unheard(_spent: Spent, _currency: str) -> None:
    """An `OnCall` to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a piece of work cost, to be stored in the transaction that stores the work."""

    month: date  # its first day, in UTC
    currency: str
    spent: tuple[Spent, ...]  # each model once, in the order of kinds and names

    @property
    def total(self) -> Decimal:
        return sum((spent.cost for spent in self.spent), Decimal(0))


NO_BILL = Bill(month=date(1970, 1, 1), currency="", spent=())
"""Of work that costs nothing."""


class CostStore(Protocol):
    """The costs of one tenant. Each method is one transaction."""

    async def add(self, bill: Bill) -> None:
        """Count what is not stored with any work."""

    async def of(self, month: date) -> Sequence[Bill]:
        """What a month has cost so far, a bill for each currency."""


class Tally:
    """What one piece of work costs, call by call. What costs nothing is left out."""

    def __init__(self, prices: PriceTable, month: date, on_call: OnCall = unheard) -> None:
        self._prices = prices
        self._month = month
        self._on_call = on_call
        self._spent: dict[tuple[CostKind, str], Spent] = {}

    def charge(
        self,
        kind: CostKind,
        model: str,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        estimated: bool = False,
    ) -> None:
        """One call, or one message of a channel."""
        price = self._prices.price(kind, model)
        new = _call(kind, model, price, input_tokens, output_tokens, estimated=estimated)
        self._on_call(new, self._prices.currency)
        if price is not None and price.free:
            return
        known = self._spent.get((kind, model))
        self._spent[kind, model] = known.plus(new) if known else new

    @property
    def bill(self) -> Bill:
        return Bill(
            month=self._month,
            currency=self._prices.currency,
            spent=tuple(self._spent[key] for key in sorted(self._spent)),
        )

    def stored(self) -> None:
        """The bill stands beside the work: it is not to be stored again."""
        self._spent.clear()


@dataclass(frozen=True, slots=True)
class Costs:
    """What one tenant costs."""

    organization: TenantId
    store: CostStore
    subscriptions: CurrentSubscriptions
    prices: PriceTable
    clock: Clock
    on_call: OnCall = unheard

    async def require_room(self, tally: Tally) -> None:
        """Let pass while the month has cost less than the plan lets it, this work included.

        Raises:
            CostLimitExceeded: nothing more is to be paid for this month.
            ConfigurationError: no rate leads to the currency of the plan.
        """
        subscription = await self.subscriptions.current(self.organization)
        terms = subscription.terms if subscription else None
        if terms is None or terms.max_cost_per_month is None:
            return
        bills = [*await self.store.of(tally.bill.month), tally.bill]
        costs = [self._in(terms.currency, bill) for bill in bills if bill.spent]
        if sum(costs, Decimal(0)) >= terms.max_cost_per_month:
            raise cap_reached(tally.bill.month)

    def _in(self, currency: str, bill: Bill) -> Decimal:
        cost = self.prices.in_currency(bill.total, currency, of=bill.currency)
        if cost is None:
            raise ConfigurationError(
                f"The plan's limit on costs is in {currency}, the prices are in {bill.currency}.",
                hint=f"Add a rate for {currency} to the file of prices.",
            )
        return cost

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[Tally]:
        """Count what a piece of work costs.

        What was not stored with the work is stored at the end, whatever became of it: a call that
        came to nothing has been paid for too.
        """
        tally = Tally(self.prices, self.clock().date().replace(day=1), self.on_call)
        try:
            yield tally
        except DatabaseUnavailable:
            raise  # perhaps the work was stored with its bill: nothing is counted twice
        except BaseException:
            await self._store(tally)
            raise
        else:
            await self._store(tally)

    async def _store(self, tally: Tally) -> None:
        bill = tally.bill
        if not bill.spent:
            return
        with anyio.move_on_after(STORING_SECONDS, shield=True):
            try:
                await self.store.add(bill)
            except BackendUnavailable as error:
                _log.warning("Costs of %s are lost: %s: %s", self.organization, bill, error.message)


def estimated_tokens(*texts: str) -> int:
    """About how many tokens these texts have, all together."""
    return sum(-(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN) for text in texts)


def cap_reached(month: date) -> CostLimitExceeded:
    """What to tell somebody whose plan pays for no more models in a month."""
    resets_at = months_after(datetime.combine(month, time.min, UTC), 1)
    return CostLimitExceeded(
        "All that the plan pays for models in this month is spent.",
        hint=f"Wait until {resets_at:%Y-%m-%d %H:%M} UTC, or choose a higher plan.",
        resource="cost",
        resets_at=resets_at,
    )


def _call(
    kind: CostKind,
    model: str,
    price: Price | None,
    input_tokens: int,
    output_tokens: int,
    *,
    estimated: bool,
) -> Spent:
    cost = Decimal(0)
    if price is not None:
        cost = price.of(calls=1, input_tokens=input_tokens, output_tokens=output_tokens)
    return Spent(
        kind=kind,
        model=model,
        calls=1,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        estimated_tokens=input_tokens + output_tokens if estimated else 0,
        unpriced_calls=0 if price else 1,
        cost=cost,
    )
