"""A new firm, with its first user and what it begins on."""

import re
import secrets
import unicodedata
from dataclasses import dataclass

from sloth_agent.access.ports import SignupStore
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict
from sloth_agent.ids import TenantId, UserId, new_id
from sloth_agent.language import Language
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import Organization, checked_name, schema_name
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.referral_codes import new_referral_code
from sloth_agent.tenants.users import Role, User, checked_password, normalised_email

LONGEST_SLUG = 40
SUFFIX_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
TRIES = 20

_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh",
    "з": "z", "и": "y", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n",
    "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "shch", "ь": "", "ю": "iu", "я": "ia", "ł": "l", "ß": "ss",
    "ø": "o", "æ": "ae", "đ": "d",
}  # fmt: skip
_SPELLED = str.maketrans(_LETTERS)


@dataclass(frozen=True, slots=True)
class SigningUp:
    """How a firm comes to this install by itself."""

    store: SignupStore
    organizations: Organizations
    accounts: Accounts
    clock: Clock

    async def sign_up(
        self,
        email: str,
        password: str,
        organization: str,
        *,
        language: Language = Language.ENGLISH,
        referral_code: str | None = None,
        by: Actor,
    ) -> tuple[User, Organization]:
        """Make an organization of this name with its owner, all of it or nothing.

        Its own tables are made right after; where this is cut short they are made by whoever opens
        the tenant next.

        Raises:
            InvalidInput: not an address, a weak password, a bad name, an unknown referral code.
            Conflict: the address is taken.
        """
        owner = User(
            id=UserId(new_id()),
            email=normalised_email(email),
            organization=TenantId(new_id()),
            role=Role.OWNER,
            language=language,
            created_at=self.clock(),
            referral_code=new_referral_code(),
            referred_by=await self.accounts.referrer(referral_code) if referral_code else None,
        )
        name = checked_name(organization, field="organization")
        password_hash = await self.accounts.hasher.hash(checked_password(password))
        made = await self._stored(name, owner, password_hash, by)
        await self.organizations.make_space(made)
        return owner, made

    async def _stored(self, name: str, owner: User, password_hash: str, by: Actor) -> Organization:
        assert owner.organization is not None
        database = await self.organizations.emptiest_database()
        events = [
            AuditEvent.of(action, by=by, at=owner.created_at, organization=owner.organization)
            for action in ("tenant.created", "user.signed_up")
        ]
        wanted = slug_of(name)
        for attempt in range(TRIES):
            organization = Organization(
                id=owner.organization,
                slug=wanted if attempt == 0 else f"{wanted}-{_suffix()}",
                name=name,
                schema_name=schema_name(owner.organization),
                database=database,
                created_at=owner.created_at,
            )
            if await self.store.add(
                organization, owner, password_hash=password_hash, events=events
            ):
                return organization
        raise Conflict("No name is free for this organization.", hint="Call it otherwise.")


def slug_of(name: str) -> str:
    """What people type for a firm of this name: `Салон «Лаванда»` becomes `salon-lavanda`."""
    spelled = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED))
    words = re.findall(r"[a-z0-9]+", spelled.encode("ascii", "ignore").decode())
    return "-".join(words)[:LONGEST_SLUG].strip("-") or f"firm-{_suffix()}"


def _suffix() -> str:
    return "".join(secrets.choice(SUFFIX_SIGNS) for _ in range(5))
