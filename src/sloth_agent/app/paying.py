"""Taking payments, put together: there is something to put together where a provider is set."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.payment_accounts import PostgresPayerAccounts
from sloth_agent.adapters.stores.postgres.payment_events import PostgresPaymentEvents
from sloth_agent.adapters.stores.postgres.payments import PostgresPayments
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import PlanStore
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.language import Language
from sloth_agent.payments.changing import Changing
from sloth_agent.payments.desk import Desk
from sloth_agent.payments.intake import Intake
from sloth_agent.payments.models import Contact
from sloth_agent.payments.pages import Pages
from sloth_agent.payments.ports import PaymentProvider, Schedule, UsageOf
from sloth_agent.payments.subscribing import Subscribing
from sloth_agent.tenants.account_ports import UserStore
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.ports import OrganizationStore
from sloth_agent.tenants.users import Role

MOST_USERS = 1000


@dataclass(frozen=True, slots=True)
class OwnersAsContacts:
    """`Contacts`: the first active owner pays."""

    organizations: OrganizationStore
    users: UserStore

    async def of(self, organization: TenantId) -> Contact:
        firm = await self.organizations.get(organization)
        if firm is None:
            raise NotFound("There is no such tenant.", hint="See `sloth tenants list`.")
        users = await self.users.all(organization, limit=MOST_USERS, after=None)
        owner = next((u for u in users if u.role is Role.OWNER and u.is_active), None)
        return Contact(
            organization=organization,
            name=firm.name,
            email=owner.email if owner else None,
            language=owner.language if owner else Language.ENGLISH,
        )


@dataclass(frozen=True)
class Paying:
    """What firms and operators can do about payments."""

    backends: Backends
    database: Database
    plans: PlanStore
    contacts: OwnersAsContacts
    usage: UsageOf
    schedule: Schedule

    @cached_property
    def provider(self) -> PaymentProvider:
        """Raises:
        Conflict: nobody takes payments here; codes and operators activate plans.
        """
        provider = self.backends.payments
        if provider is None:
            raise Conflict(
                "This install takes no payments.",
                hint="Redeem an activation code, or ask who runs it.",
            )
        return provider

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            provider=self.provider,
            payers=PostgresPayerAccounts(self.database),
            payments=PostgresPayments(self.database),
            events=PostgresPaymentEvents(self.database),
            clock=self.backends.clock,
            grace=timedelta(days=self.backends.settings.grace_days),
        )

    @cached_property
    def subscribing(self) -> Subscribing:
        return Subscribing(
            desk=self.desk,
            plans=self.plans,
            contacts=self.contacts,
            frontend=self.backends.frontend,
        )

    @cached_property
    def changing(self) -> Changing:
        return Changing(desk=self.desk, plans=self.plans, usage=self.usage)

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            provider=self.provider,
            events=self.desk.events,
            payers=self.desk.payers,
            schedule=self.schedule,
            clock=self.backends.clock,
        )

    @cached_property
    def pages(self) -> Pages:
        return Pages(
            provider=self.provider, payers=self.desk.payers, frontend=self.backends.frontend
        )


@dataclass(frozen=True, slots=True)
class Canceling:
    """Ends a subscription where it is kept: with the provider, or here."""

    subscriptions: Subscriptions
    paying: Paying

    async def cancel(
        self, organization: TenantId, *, at_period_end: bool, by: Actor
    ) -> Subscription:
        """Raises:
        NotFound: no such organization, or it has no subscription.
        Conflict: it has ended already, or has no end to wait for.
        PaymentUnavailable: the provider does not answer; nothing has changed.
        """
        present = await self.subscriptions.current(organization)
        purchase = present.purchase if present else None
        if purchase is not None and purchase.status is not SubscriptionStatus.CANCELED:
            changing = self.paying.changing
            return await changing.cancel(organization, at_period_end=at_period_end, by=by)
        return await self.subscriptions.cancel(organization, at_period_end=at_period_end, by=by)
