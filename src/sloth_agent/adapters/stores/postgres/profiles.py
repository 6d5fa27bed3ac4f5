"""The profile of one tenant."""

from dataclasses import dataclass

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import TenantDatabase
from sloth_agent.tenants.hours import checked_week
from sloth_agent.tenants.profile import Profile


@dataclass(frozen=True, slots=True)
class PostgresProfiles:
    """`ProfileStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def find(self) -> Profile | None:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                "select business_name, business_type, timezone, notification_email,"
                " notify_by_telegram, office_hours, away_text from profile"
            )
            row = await found.fetchone()
        if row is None:
            return None
        name, kind, timezone, email, by_telegram, office_hours, away_text = row
        return Profile(
            business_name=name,
            business_type=kind,
            timezone=timezone,
            notification_email=email,
            notify_by_telegram=by_telegram,
            office_hours=checked_week(office_hours),
            away_text=away_text,
        )

    async def save(self, profile: Profile) -> None:
        async with self.database.inside(self.schema) as connection:
            await connection.execute(
                "insert into profile (id, business_name, business_type, timezone,"
                " notification_email, notify_by_telegram, office_hours, away_text)"
                " values (1, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict (id) do update set business_name = excluded.business_name,"
                " business_type = excluded.business_type, timezone = excluded.timezone,"
                " notification_email = excluded.notification_email,"
                " notify_by_telegram = excluded.notify_by_telegram,"
                " office_hours = excluded.office_hours, away_text = excluded.away_text",
                (
                    profile.business_name,
                    profile.business_type,
                    profile.timezone,
                    profile.notification_email,
                    profile.notify_by_telegram,
                    Jsonb(profile.office_hours),
                    profile.away_text,
                ),
            )
