"""What one process has to do with payments, in a test: the SDK, PostgreSQL, and a fate."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe

from fakes.mortal import Fate, MortalDatabase
from fakes.stripe_server.account import StripeAccount
from fakes.stripe_server.in_process import InProcess
from sloth_agent.adapters.payments.stripe import API_VERSION, StripePayments
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.payment_accounts import PostgresPayerAccounts
from sloth_agent.adapters.stores.postgres.payment_events import PostgresPaymentEvents
from sloth_agent.adapters.stores.postgres.payments import PostgresPayments
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.subscriptions import PostgresSubscriptions
from sloth_agent.billing.allowance import UsageReport
from sloth_agent.billing.periods import month_around
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.clock import Clock
from sloth_agent.ids import TenantId
from sloth_agent.language import Language
from sloth_agent.payments.changing import Changing
from sloth_agent.payments.desk import Desk
from sloth_agent.payments.intake import Intake
from sloth_agent.payments.models import Contact
from sloth_agent.payments.ports import Schedule
from sloth_agent.payments.reconciling import Reconciling
from sloth_agent.payments.subscribing import Subscribing

GRACE = timedelta(days=7)


class _Mortal(InProcess):
    """Before and after each request its process may die."""

    def __init__(self, account: StripeAccount, fate: Fate) -> None:
        super().__init__(account)
        self._fate = fate

    def request(self, *arguments: Any, **options: Any) -> Any:
        self._fate.moment()
        answer = super().request(*arguments, **options)
        self._fate.moment()
        return answer


@dataclass(frozen=True, slots=True)
class _Owner:
    """`Contacts`."""

    async def of(self, organization: TenantId) -> Contact:
        return Contact(
            organization=organization,
            name="Salon",
            email="owner@example.com",
            language=Language.ENGLISH,
        )


@dataclass(frozen=True, slots=True)
class _Unused:
    """`UsageOf` of a firm that uses nothing."""

    clock: Clock

    async def report(self, _organization: TenantId) -> UsageReport:
        now = self.clock()
        return UsageReport(month=month_around(now, anchor=now), meters=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process has to do with payments, until it dies."""

    provider: StripePayments
    desk: Desk
    plans: PostgresPlans
    subscribing: Subscribing
    changing: Changing
    intake: Intake
    reconciling: Reconciling
    subscriptions: Subscriptions


def process(
    database: Database, account: StripeAccount, *, schedule: Schedule, fate: Fate | None = None
) -> Process:
    """One whose clock is the account's, nearly."""
    fate = fate or Fate()
    mortal = MortalDatabase(database.pool, database.walls, fate=fate)
    client = stripe.StripeClient(
        account.key,
        stripe_version=API_VERSION,
        http_client=_Mortal(account, fate),
        max_network_retries=0,
    )
    provider = StripePayments(client, webhook_secrets=account.secrets)
    plans = PostgresPlans(mortal)

    def clock() -> datetime:
        return account.now + timedelta(microseconds=500_000)  # the account knows seconds alone

    desk = Desk(
        provider=provider,
        payers=PostgresPayerAccounts(mortal),
        payments=PostgresPayments(mortal),
        events=PostgresPaymentEvents(mortal),
        clock=clock,
        grace=GRACE,
    )

    async def scheduled(firm: TenantId, due: datetime) -> None:
        fate.moment()
        await schedule(firm, due)

    return Process(
        provider=provider,
        desk=desk,
        plans=plans,
        subscribing=Subscribing(
            desk=desk, plans=plans, contacts=_Owner(), usage=_Unused(clock), frontend="http://a"
        ),
        changing=Changing(desk=desk, plans=plans, usage=_Unused(clock)),
        intake=Intake(provider=provider, events=desk.events, schedule=scheduled, clock=clock),
        reconciling=Reconciling(desk=desk, plans=plans, pause_seconds=0),
        subscriptions=Subscriptions(PostgresSubscriptions(mortal), clock),
    )
