"""Which reminders were sent to the owners of firms."""

from dataclasses import dataclass
from datetime import datetime

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.payments.models import Reminder


@dataclass(frozen=True, slots=True)
class PostgresPaymentReminders:
    """`ReminderStore` on the control tables."""

    database: Database

    async def claim(self, reminder: Reminder, *, now: datetime, until: datetime) -> bool:
        async with self.database.shared() as connection:
            claimed = await connection.execute(
                "insert into public.payment_reminders"
                " (organization_id, occasion, at, mailing_until) values (%s, %s, %s, %s)"
                " on conflict (organization_id, occasion, at) do update"
                " set mailing_until = excluded.mailing_until"
                " where payment_reminders.mailed_at is null"
                " and payment_reminders.mailing_until <= %s",
                (*_key(reminder), until, now),
            )
            return claimed.rowcount == 1

    async def sent(self, reminder: Reminder, *, at: datetime) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "update public.payment_reminders set mailed_at = %s"
                " where organization_id = %s and occasion = %s and at = %s",
                (at, *_key(reminder)),
            )


def _key(reminder: Reminder) -> tuple[object, ...]:
    return reminder.organization, reminder.occasion, reminder.at
