"""One firm that pays, from its trial to its end, told of in any order to processes that die."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

from fakes.mortal import Fate, Killed
from fakes.payment_process import GRACE, Process, process
from fakes.stripe_server.account import StripeAccount
from fakes.stripe_server.records import Event, Json
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.webhooks import delivery
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.payments import PostgresPayments
from sloth_agent.adapters.stores.postgres.subscriptions import (
    PostgresSubscribedOrganizations,
)
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import Conflict, InProgress, PaymentDeclined
from sloth_agent.ids import TenantId, new_id
from sloth_agent.payments.desk import HOLD
from sloth_agent.payments.models import ChargeStatus
from sloth_agent.payments.price_sync import PriceSync
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization

OWNER = Actor(name="owner")
PLANS = ("starter", "professional", "enterprise")
MOST_MOMENTS = 60
"""A visit has about forty."""


@dataclass
class Life:
    """A firm, its account at Stripe, and what the two have still to hear of each other."""

    database: Database
    random: Random
    loss: float  # the part of all events that never comes
    death: float  # the part of all processes that is killed
    has_trial: bool  # else it begins with what costs nothing, and falls back on that
    account: StripeAccount
    firm: TenantId = field(default_factory=lambda: TenantId(new_id()))
    pages: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)  # what happened, for whoever has to find out
    _underway: list[Event] = field(default_factory=list)
    _seen: int = 0
    _jobs: int = 0

    async def begin(self) -> None:
        process = self.process()
        await PriceSync(provider=process.provider, plans=process.plans).sync(dry_run=False)
        beginning = process.subscriptions.beginning(
            "starter" if self.has_trial else "free", by=OWNER
        )
        store = PostgresSubscribedOrganizations(self.database, beginning)
        slug = f"t-{uuid4().hex}"
        firm = Organization(
            id=self.firm,
            slug=slug,
            name=slug,
            schema_name=f"t_{self.firm.hex}",
            created_at=self.account.now,
        )
        assert await store.add(firm)

    def process(self, fate: Fate | None = None) -> Process:
        async def schedule(_firm: TenantId, _due: datetime) -> None:
            self._jobs += 1

        return process(self.database, self.account, schedule=schedule, fate=fate)

    # What happens

    async def goes_on(self) -> None:
        """One step of the firm, of its payer or of its bank; then some of it is heard."""
        step = self.random.choice(
            [
                self.subscribes,
                self.subscribes,
                self.changes,
                self.changes,
                self.cancels,
                self.resumes,
                self.pays_late,
                self.pays_late,
                self.has_no_money,
                self.has_money,
                self.waits,
                self.waits,
                self.ends_elsewhere,
                self.gets_money_back,
            ]
        )
        self.history.append(step.__name__)
        await step()
        await self.hears()

    async def subscribes(self) -> None:
        plan, cycle = self._wish()

        async def work(process: Process) -> None:
            page = await process.subscribing.subscribe(self.firm, plan, cycle, by=OWNER)
            self.pages.append(page.id)

        await self._insist(work)
        if self.pages and self.random.random() < 0.6:
            self._pay(self.pages[-1])

    async def pays_late(self) -> None:
        """On any page that was ever shown."""
        if self.pages:
            self._pay(self.random.choice(self.pages))

    async def changes(self) -> None:
        plan, cycle = self._wish()
        await self._insist(
            lambda process: process.changing.change(self.firm, plan, cycle, by=OWNER)
        )

    async def cancels(self) -> None:
        later = self.random.random() < 0.6
        await self._insist(
            lambda process: process.changing.cancel(self.firm, at_period_end=later, by=OWNER)
        )

    async def resumes(self) -> None:
        await self._insist(lambda process: process.changing.resume(self.firm, by=OWNER))

    async def has_no_money(self) -> None:
        self._set_cards("declines")

    async def has_money(self) -> None:
        self._set_cards("good")

    async def waits(self) -> None:
        days = self.random.choice([1, 4, 9, 15, 32, 70])
        self.history.append(f"{days} days")
        self.account.advance(self.account.now + timedelta(days=days))

    async def ends_elsewhere(self) -> None:
        for each in self.open_subscriptions():
            if self.random.random() < 0.4:
                self.account.cancel_in_portal(each["id"])
            else:
                later = self.random.random() < 0.5
                self.account.cancel_in_dashboard(each["id"], at_period_end=later)

    async def gets_money_back(self) -> None:
        taken = [each for each in self.account.charges() if each["status"] == "succeeded"]
        if taken:
            charge = self.random.choice(taken)
            back = self.account.dispute if self.random.random() < 0.3 else self.account.refund
            try:
                back(charge["id"])
            except Refused:
                """All of it is back already."""

    # What is heard of it

    async def hears(self) -> None:
        """Some of what is under way comes, in any order, some of it again; some jobs are done."""
        self._collect()
        self.random.shuffle(self._underway)
        for _ in range(self.random.randint(0, len(self._underway))):
            event = self._underway.pop()
            for _ in range(self.random.choice([1, 1, 2])):
                await self._deliver(event)
            if self.random.random() < 0.3:
                await self._work()

    async def hears_all(self) -> None:
        """Whatever was not lost; then the nightly comparison, which is killed as well."""
        self._collect()
        self.random.shuffle(self._underway)
        while self._underway:
            await self._deliver(self._underway.pop())
        while self._jobs:
            await self._work()
        self.account.advance(self.account.now + timedelta(hours=1))
        await self._insist(
            lambda process: process.reconciling.reconcile(dry_run=False, by=OWNER), tries=3
        )

    def _collect(self) -> None:
        new = self.account.book.events[self._seen :]
        self._seen += len(new)
        self._underway += [each for each in new if self.random.random() >= self.loss]

    async def _deliver(self, event: Event) -> None:
        """Until somebody has answered, as Stripe does."""
        sent = delivery(event, self.account.secrets)
        await self._insist(
            lambda process: process.intake.receive(sent.body, sent.headers["Stripe-Signature"])
        )

    async def _work(self) -> None:
        if self._jobs:
            await self._insist(lambda process: process.desk.refresh(self.firm))
            self._jobs -= 1

    async def _insist(
        self, work: Callable[[Process], Awaitable[object]], *, tries: int = 2
    ) -> None:
        """Whoever is killed is followed by another one, once the hold of the dead one is over."""
        for number in range(tries + 1):
            dies = number < tries and self.random.random() < self.death
            fate = Fate(self.random.randint(0, MOST_MOMENTS)) if dies else Fate()
            try:
                await work(self.process(fate))
            except Killed:
                self.history.append("killed")
                self.account.advance(self.account.now + HOLD)
            except (Conflict, InProgress, PaymentDeclined):
                return
            else:
                return

    # What there is

    def open_subscriptions(self) -> list[Json]:
        over = ("canceled", "incomplete", "incomplete_expired")
        return [each for each in self.account.subscriptions() if each["status"] not in over]

    def expected(self, subscription: Json) -> tuple[SubscriptionStatus, str, bool]:
        """What the firm has by one at Stripe that goes on, read as its documentation says."""
        status = SubscriptionStatus(subscription["status"])
        if status is SubscriptionStatus.PAST_DUE:
            since = min(
                each["status_transitions"]["finalized_at"]
                for each in self.account.invoices()
                if each["status"] == "open"
            )
            if self.account.now >= datetime.fromtimestamp(since, UTC) + GRACE:
                status = SubscriptionStatus.UNPAID
        if status is SubscriptionStatus.UNPAID and not self.has_trial:
            return SubscriptionStatus.ACTIVE, "free", False
        plan = subscription["items"]["data"][0]["price"]["metadata"]["sloth_plan"]
        return status, plan, subscription["cancel_at"] is not None

    async def ours(self) -> Subscription:
        found = await self.process().subscriptions.current(self.firm)
        assert found is not None
        return found

    async def our_money(self) -> dict[str, Decimal]:
        """What we know to have been taken and kept, by charge."""
        charges = await PostgresPayments(self.database).charges(self.firm)
        taken = [each for each in charges if each.status is ChargeStatus.SUCCEEDED]
        return {each.id: each.amount - each.refunded for each in taken}

    def their_money(self) -> dict[str, Decimal]:
        taken = [each for each in self.account.charges() if each["status"] == "succeeded"]
        return {
            each["id"]: Decimal(each["amount"] - each["amount_refunded"]) / 100 for each in taken
        }

    def _wish(self) -> tuple[str, BillingCycle]:
        wish = self.random.choice(PLANS), self.random.choice(list(BillingCycle))
        self.history.append(f"{wish[0]} {wish[1]}")
        return wish

    def _pay(self, page: str) -> None:
        try:
            self.account.pay_checkout(page)
        except Refused:
            self.history.append("the page is not open")

    def _set_cards(self, card: Any) -> None:
        for each in self.account.customers():
            self.account.set_card(each["id"], card)
