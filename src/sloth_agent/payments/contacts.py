"""Who pays for a firm."""

from dataclasses import dataclass

from sloth_agent.ids import TenantId
from sloth_agent.language import Language
from sloth_agent.payments.models import Contact
from sloth_agent.tenants.account_ports import UserStore
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.owners import MOST_USERS
from sloth_agent.tenants.users import Role


@dataclass(frozen=True, slots=True)
class OwnersAsContacts:
    """`Contacts`: the first active owner pays."""

    organizations: Organizations
    users: UserStore

    async def of(self, organization: TenantId) -> Contact:
        firm = await self.organizations.with_id(organization)
        users = await self.users.all(organization, limit=MOST_USERS, after=None)
        owner = next((u for u in users if u.role is Role.OWNER and u.is_active), None)
        return Contact(
            organization=organization,
            name=firm.name,
            email=owner.email if owner else None,
            language=owner.language if owner else Language.ENGLISH,
        )
