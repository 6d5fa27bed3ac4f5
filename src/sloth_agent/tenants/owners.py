"""Who hears of what concerns a whole firm."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.ids import TenantId
from sloth_agent.language import Language
from sloth_agent.tenants.account_ports import UserStore
from sloth_agent.tenants.profile import Profiles
from sloth_agent.tenants.users import Role, User

MOST_USERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Somebody who is written to."""

    email: str
    language: Language


@dataclass(frozen=True, slots=True)
class Owners:
    """The people behind one tenant."""

    organization: TenantId
    users: UserStore
    profiles: Profiles

    async def addresses(self) -> Sequence[str]:
        """The address that the firm wishes to be told at, else those of its active owners."""
        return [addressee.email for addressee in await self.addressees()]

    async def addressees(self) -> Sequence[Addressee]:
        """Those of `addresses`; to the firm's own one writes in the language of its first owner."""
        wished = (await self.profiles.show()).notification_email
        owners = await self._owners()
        if wished is None:
            return [Addressee(email=owner.email, language=owner.language) for owner in owners]
        language = owners[0].language if owners else Language.ENGLISH
        return [Addressee(email=wished, language=language)]

    async def _owners(self) -> Sequence[User]:
        users = await self.users.all(self.organization, limit=MOST_USERS, after=None)
        return [user for user in users if user.role is Role.OWNER and user.is_active]
