"""A year of many firms that pay, of which not all is heard; each night it is compared."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from fakes.payment_process import Process, process
from fakes.stripe_server.account import StripeAccount
from fakes.stripe_server.records import Json
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.webhooks import delivery
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.subscriptions import PostgresSubscribedOrganizations
from sloth_agent.billing.states import BillingCycle
from sloth_agent.errors import Conflict, PaymentDeclined
from sloth_agent.ids import TenantId, new_id
from sloth_agent.payments.models import ChargeStatus
from sloth_agent.payments.price_sync import PriceSync
from sloth_agent.payments.reconciling import Reconciliation
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization

OWNER = Actor(name="owner")
PLANS = ("starter", "professional", "enterprise")
WEEKS = 52
LOSS = 0.2  # of all events
PLANS_CHANGED = 0.03  # by a firm in a week, as everything below
CANCELED = 0.01
CARDS_CHANGED = 0.02
GIVEN_BACK = 0.01


@dataclass
class Year:
    database: Database
    random: Random
    account: StripeAccount = field(default_factory=StripeAccount)
    firms: list[TenantId] = field(default_factory=list)
    _asked: set[TenantId] = field(default_factory=set)
    _heard: int = 0

    def process(self) -> Process:
        async def schedule(firm: TenantId, _due: datetime) -> None:
            self._asked.add(firm)

        return process(self.database, self.account, schedule=schedule)

    async def pass_by(self, firms: int) -> None:
        """New firms come all year round; what they do is drawn by lot."""
        work = self.process()
        await PriceSync(provider=work.provider, plans=work.plans).sync(dry_run=False)
        for week in range(WEEKS):
            while len(self.firms) * WEEKS < firms * (week + 1):
                await self._arrives(work)
            for firm in self.firms:
                await self._goes_on(work, firm)
            self.account.advance(self.account.now + timedelta(days=7))
            await self._hear(work)

    async def compare(self) -> Reconciliation:
        return await self.process().reconciling.reconcile(dry_run=False, by=OWNER)

    async def our_money(self) -> dict[str, Decimal]:
        """What was taken and kept, by the firms' names at Stripe."""
        work, found = self.process(), dict[str, Decimal]()
        for firm in self.firms:
            payer = await work.desk.payers.find(firm)
            charges = await work.desk.payments.charges(firm)
            taken = [each for each in charges if each.status is ChargeStatus.SUCCEEDED]
            if payer is not None and payer.customer is not None and taken:
                kept = sum((each.amount - each.refunded for each in taken), Decimal(0))
                found[payer.customer] = kept
        return found

    def their_money(self) -> dict[str, Decimal]:
        """By the ledger."""
        found = dict[str, Decimal]()
        for each in self.account.ledger():
            found[each.customer] = found.get(each.customer, Decimal(0)) + each.amount
        return found

    async def _arrives(self, work: Process) -> None:
        id = TenantId(new_id())
        firm = Organization(
            id=id,
            slug=f"t-{id.hex}",
            name="Salon",
            schema_name=f"t_{id.hex}",
            created_at=self.account.now,
        )
        beginning = work.subscriptions.beginning("starter", by=OWNER)
        await PostgresSubscribedOrganizations(self.database, beginning).add(firm)
        self.firms.append(id)
        await self._subscribes(work, id)

    async def _subscribes(self, work: Process, firm: TenantId) -> None:
        try:
            page = await work.subscribing.subscribe(firm, *self._wish(), by=OWNER)
            self.account.pay_checkout(page.id)
        except (Conflict, Refused):
            """It has one."""

    async def _goes_on(self, work: Process, firm: TenantId) -> None:
        try:
            if self._happens(PLANS_CHANGED):
                await work.changing.change(firm, *self._wish(), by=OWNER)
            if self._happens(CANCELED):
                at_once = self._happens(0.3)
                await work.changing.cancel(firm, at_period_end=not at_once, by=OWNER)
        except (Conflict, PaymentDeclined):
            """It has nothing to change, or no money."""
        payer = await work.desk.payers.find(firm) if self._happens(CARDS_CHANGED) else None
        if payer is not None and payer.customer is not None:
            self.account.set_card(payer.customer, self.random.choice(("good", "good", "declines")))

    async def _hear(self, work: Process) -> None:
        """Of some things, in any order; then whoever was told of is asked about."""
        if self._happens(GIVEN_BACK * len(self.firms)):
            self._give_back()
        events = self.account.book.events[self._heard :]
        self._heard += len(events)
        for event in self.random.sample(events, int(len(events) * (1 - LOSS))):
            sent = delivery(event, self.account.secrets)
            await work.intake.receive(sent.body, sent.headers["Stripe-Signature"])
        for firm in sorted(self._asked):
            await work.desk.refresh(firm)
        self._asked.clear()

    def _give_back(self) -> None:
        taken: list[Json] = [c for c in self.account.charges() if c["status"] == "succeeded"]
        if taken:
            charge = self.random.choice(taken[-50:])
            left = charge["amount"] - charge["amount_refunded"]
            if left > 0:
                self.account.refund(charge["id"], amount=self.random.randint(1, left))

    def _wish(self) -> tuple[str, BillingCycle]:
        return self.random.choice(PLANS), self.random.choice(list(BillingCycle))

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance
