"""Taking payments, put together: there is something to put together where a provider is set."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.payment_accounts import PostgresPayerAccounts
from sloth_agent.adapters.stores.postgres.payment_events import PostgresPaymentEvents
from sloth_agent.adapters.stores.postgres.payments import PostgresPayments
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.billing.ports import PlanStore
from sloth_agent.errors import NotSetUp
from sloth_agent.payments.changing import Changing
from sloth_agent.payments.desk import Desk
from sloth_agent.payments.intake import Intake
from sloth_agent.payments.leaving import Leaving
from sloth_agent.payments.pages import Pages
from sloth_agent.payments.ports import (
    Contacts,
    PayerStore,
    PaymentEventStore,
    PaymentProvider,
    PaymentStore,
    Schedule,
    UsageOf,
)
from sloth_agent.payments.price_sync import PriceSync
from sloth_agent.payments.reconciling import Reconciling
from sloth_agent.payments.subscribing import Subscribing


@dataclass(frozen=True)
class Paying:
    """What firms and operators can do about payments."""

    backends: Backends
    database: Database
    plans: PlanStore
    contacts: Contacts
    usage: UsageOf
    schedule: Schedule

    @cached_property
    def provider(self) -> PaymentProvider:
        """Raises:
        NotSetUp: nobody takes payments here; codes and operators activate plans.
        """
        provider = self.backends.payments
        if provider is None:
            raise NotSetUp(
                "This install takes no payments: plans begin with activation codes.",
                hint="Set STRIPE_SECRET_KEY, or run `sloth admin codes generate`.",
            )
        return provider

    @cached_property
    def payers(self) -> PayerStore:
        return PostgresPayerAccounts(self.database)

    @cached_property
    def payments(self) -> PaymentStore:
        return PostgresPayments(self.database)

    @cached_property
    def events(self) -> PaymentEventStore:
        return PostgresPaymentEvents(self.database)

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            provider=self.provider,
            payers=self.payers,
            payments=self.payments,
            events=self.events,
            clock=self.backends.clock,
            grace=timedelta(days=self.backends.settings.grace_days),
        )

    @cached_property
    def subscribing(self) -> Subscribing:
        return Subscribing(
            desk=self.desk,
            plans=self.plans,
            contacts=self.contacts,
            usage=self.usage,
            frontend=self.backends.frontend,
        )

    @cached_property
    def changing(self) -> Changing:
        return Changing(desk=self.desk, plans=self.plans, usage=self.usage)

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            provider=self.provider,
            events=self.events,
            schedule=self.schedule,
            clock=self.backends.clock,
        )

    @cached_property
    def price_sync(self) -> PriceSync:
        return PriceSync(provider=self.provider, plans=self.plans)

    @cached_property
    def reconciling(self) -> Reconciling:
        return Reconciling(desk=self.desk, plans=self.plans)

    @property
    def leaving(self) -> Leaving:
        takes_payments = self.backends.payments is not None
        return Leaving(self.payers, self.payments, takes_payments, lambda: self.desk)

    @cached_property
    def pages(self) -> Pages:
        return Pages(provider=self.provider, payers=self.payers, frontend=self.backends.frontend)
