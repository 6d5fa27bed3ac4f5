"""Who hears of what concerns a whole firm."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.ids import TenantId
from sloth_agent.tenants.account_ports import UserStore
from sloth_agent.tenants.profile import Profiles
from sloth_agent.tenants.users import Role

MOST_USERS = 1000


@dataclass(frozen=True, slots=True)
class Owners:
    """The people behind one tenant."""

    organization: TenantId
    users: UserStore
    profiles: Profiles

    async def addresses(self) -> Sequence[str]:
        """The address that the firm wishes to be told at, else those of its active owners."""
        profile = await self.profiles.show()
        if profile.notification_email:
            return [profile.notification_email]
        users = await self.users.all(self.organization, limit=MOST_USERS, after=None)
        return [user.email for user in users if user.role is Role.OWNER and user.is_active]
