"""New organizations with their owners on the control tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.organizations import insert_organization
from sloth_agent.adapters.stores.postgres.referrals import begin_referral
from sloth_agent.adapters.stores.postgres.subscriptions import decide_in
from sloth_agent.adapters.stores.postgres.users import insert_user
from sloth_agent.billing.ports import Decide
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import User


@dataclass(frozen=True, slots=True)
class PostgresSignups:
    """`SignupStore` on the control tables."""

    database: Database
    beginning: Callable[[TenantId], Decide]  # of the first subscription

    async def add(
        self,
        organization: Organization,
        owner: User,
        *,
        password_hash: str,
        events: Sequence[AuditEvent],
    ) -> bool:
        async with self.database.shared() as connection:
            if not await insert_organization(connection, organization):
                return False
            await decide_in(connection, organization.id, self.beginning(organization.id))
            await insert_user(connection, owner, password_hash)
            await begin_referral(connection, owner)
            for event in events:
                await record(connection, event)
            return True
