"""Selling at the provider what the plan file says, and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sloth_agent.billing.models import Plan
from sloth_agent.billing.ports import PlanStore
from sloth_agent.billing.states import BillingCycle
from sloth_agent.payments.models import Price
from sloth_agent.payments.ports import PaymentProvider


class Step(StrEnum):
    SET = "set"  # sold at this price from now on
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"  # sold no more; who has it keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """What becomes of one price."""

    step: Step
    plan: str
    cycle: BillingCycle
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSync:
    """The prices of all plans."""

    provider: PaymentProvider
    plans: PlanStore

    async def sync(self, *, dry_run: bool) -> Sequence[PriceStep]:
        """Set what is missing, then withdraw what is sold no more. Running it again does nothing.

        Raises:
            PaymentUnavailable: the provider does not answer; running it again goes on.
        """
        sold = [plan for plan in await self.plans.all() if plan.is_active and not plan.terms.free]
        present = list(await self.provider.prices())
        steps = [step for plan in sold for step in _wanted(plan, present)]
        kept = {(step.plan, step.cycle, step.amount, step.currency) for step in steps}
        outdated = [price for price in present if _as_sold(price) not in kept]
        if not dry_run:
            await self._carry_out(sold, steps, outdated)
        return [*steps, *_withdrawn(outdated)]

    async def _carry_out(
        self, sold: Sequence[Plan], steps: Sequence[PriceStep], outdated: Sequence[Price]
    ) -> None:
        for plan in sold:
            await self.provider.offer(plan.slug, plan.name)
        for step in steps:
            if step.step is Step.SET:
                await self.provider.set_price(step.plan, step.cycle, step.amount, step.currency)
        for price in outdated:
            await self.provider.withdraw(price)


def _wanted(plan: Plan, present: Sequence[Price]) -> Iterator[PriceStep]:
    known = [_as_sold(price) for price in present]
    for cycle in BillingCycle:
        amount, currency = plan.terms.price_in(cycle), plan.terms.currency
        is_there = (plan.slug, cycle, amount, currency) in known
        yield PriceStep(
            step=Step.UNCHANGED if is_there else Step.SET,
            plan=plan.slug,
            cycle=cycle,
            amount=amount,
            currency=currency,
        )


def _as_sold(price: Price) -> tuple[str | None, BillingCycle | None, Decimal, str]:
    return price.plan, price.cycle, price.amount, price.currency


def _withdrawn(outdated: Sequence[Price]) -> Iterator[PriceStep]:
    for price in outdated:
        if price.plan and price.cycle:
            yield PriceStep(
                step=Step.WITHDRAWN,
                plan=price.plan,
                cycle=price.cycle,
                amount=price.amount,
                currency=price.currency,
            )
