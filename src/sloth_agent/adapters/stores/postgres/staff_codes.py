"""The codes that make staff chats, beside the integrations of one tenant."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import TenantDatabase
from sloth_agent.channels.staff_chats import STAFF_CHAT
from sloth_agent.channels.staff_codes import MOST_TRIES
from sloth_agent.ids import IntegrationId

_USING: LiteralString = (
    "update integrations set staff_code = null, settings = settings || %s"
    " where id = %s and staff_code = %s and staff_code_until > %s and staff_code_tries < %s"
    " returning 1"
)
_COUNTING: LiteralString = (
    "update integrations set staff_code_tries = staff_code_tries + 1"
    " where id = %s and staff_code is not null"
)


@dataclass(frozen=True, slots=True)
class PostgresStaffCodes:
    """`StaffCodeStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def set(self, integration: IntegrationId, digest: bytes, *, until: datetime) -> bool:
        [rows] = await self.database.at_once(
            self.schema,
            "update integrations set staff_code = %s, staff_code_until = %s, staff_code_tries = 0"
            " where id = %s returning 1",
            (digest, until, integration),
        )
        return bool(rows)

    async def use(
        self, integration: IntegrationId, digest: bytes, *, chat: str, now: datetime
    ) -> bool:
        # Where the code was right there is none any more, and no try is counted.
        [rows] = await self.database.at_once(
            self.schema,
            f"{_USING}; {_COUNTING}",
            (Jsonb({STAFF_CHAT: chat}), integration, digest, now, MOST_TRIES, integration),
        )
        return bool(rows)
