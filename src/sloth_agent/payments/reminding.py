"""Tells the owner of a firm that its trial is about to end, or that a payment failed."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import PlanStore, Subscribed
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.subscriptions import MOST_AT_ONCE, Subscriptions
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import Contact, Occasion, Reminder
from sloth_agent.payments.ports import Contacts, ReminderStore
from sloth_agent.payments.reminder_texts import mail
from sloth_agent.tenants.account_ports import Mailer

BEFORE_THE_END = timedelta(days=3)
"""How long before a trial ends its owner is told."""

AFTER_THE_END = timedelta(days=3)
"""What ended longer ago is no news: so nobody is told of years ago once mails are set up."""

MAILING_TIME = timedelta(minutes=10)
"""Who has not finished a mail after that died over it: somebody else may try."""

_log = logging.getLogger(__name__)


def reminder(subscription: Subscription, now: datetime) -> Reminder | None:
    """What there is to tell of a subscription as it is now."""
    trial_end, end = subscription.current_period_end, subscription.follow_up_at
    if trial_end is None or end is None:
        return None
    organization = subscription.organization
    match subscription.status:
        case SubscriptionStatus.TRIALING if now >= trial_end - BEFORE_THE_END:
            occasion, at = _end_of_trial(subscription), trial_end
        case SubscriptionStatus.PAST_DUE:
            occasion, at = Occasion.PAYMENT_FAILED, end
        case SubscriptionStatus.UNPAID if now < end + AFTER_THE_END:
            occasion, at = Occasion.SERVICE_ENDED, end
        case _:
            return None
    return Reminder(organization=organization, occasion=occasion, at=at) if occasion else None


def _end_of_trial(subscription: Subscription) -> Occasion | None:
    if subscription.later:
        return None  # it goes on with what was given
    goes_on = subscription.bought and not subscription.cancel_at_period_end
    return Occasion.FIRST_PAYMENT if goes_on else Occasion.TRIAL_ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminding:
    """Reminders by mail, each of them once."""

    subscriptions: Subscriptions
    plans: PlanStore
    contacts: Contacts
    store: ReminderStore
    mailer: Mailer | None
    frontend: str  # where the owner goes on
    clock: Clock

    async def remind(self) -> int:
        """Send what is due, in the language of each firm's owner; returns how many were sent.

        Running it again, or beside itself, sends nothing twice. Without a mail server nothing is
        sent, and what is still true once there is one is sent then.
        """
        if self.mailer is None:
            return 0
        now = self.clock()
        sent = 0
        async for firm in self._firms():
            found = reminder(firm.subscription, now)
            if found is not None:
                sent += await self._tell(self.mailer, found, firm.subscription, now)
        return sent

    async def _firms(self) -> AsyncIterator[Subscribed]:
        for status in (
            SubscriptionStatus.TRIALING,
            SubscriptionStatus.PAST_DUE,
            SubscriptionStatus.UNPAID,
        ):
            after: str | None = None
            while page := await self._page(status, after):
                for firm in page:
                    yield firm
                after = page[-1].slug

    async def _page(self, status: SubscriptionStatus, after: str | None) -> Sequence[Subscribed]:
        return await self.subscriptions.list(status=status, after=after, limit=MOST_AT_ONCE)

    async def _tell(
        self, mailer: Mailer, found: Reminder, subscription: Subscription, now: datetime
    ) -> bool:
        contact = await self._contact(found.organization)
        if contact is None or contact.email is None:
            return False
        if not await self.store.claim(found, now=now, until=now + MAILING_TIME):
            return False
        names = {each.slug: each.name for each in await self.plans.all()}
        subject, text = mail(
            found,
            contact,
            subscription,
            plan=names[subscription.plan],
            url=f"{self.frontend}/billing",
        )
        try:
            await mailer.send(contact.email, subject=subject, text=text)
        except BackendUnavailable as error:
            _log.warning("A reminder waits for the next hour: %s", error.message)
            return False
        await self.store.sent(found, at=now)
        return True

    async def _contact(self, organization: TenantId) -> Contact | None:
        """None: the tenant was deleted meanwhile."""
        try:
            return await self.contacts.of(organization)
        except NotFound:
            return None
