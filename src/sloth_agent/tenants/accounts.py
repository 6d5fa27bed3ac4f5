"""Users: created, found, given roles, let in and kept out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput, NotFound
from sloth_agent.ids import TenantId, UserId, new_id
from sloth_agent.language import Language
from sloth_agent.tenants.account_ports import PasswordHasher, Seats, UserChange, UserStore
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore
from sloth_agent.tenants.referral_codes import (
    new_referral_code,
    normalised_referral_code,
    unknown_referral_code,
)
from sloth_agent.tenants.users import (
    Role,
    User,
    checked_password,
    checked_phone,
    checked_picture,
    normalised_email,
)

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Accounts:
    """The users of this install."""

    store: UserStore
    hasher: PasswordHasher
    seats: Seats
    log: AuditStore
    clock: Clock

    async def create(  # noqa: PLR0913 - each is a part of the user
        self,
        email: str,
        *,
        organization: TenantId | None = None,
        role: Role | None = None,
        password: str | None = None,
        language: Language = Language.ENGLISH,
        is_superuser: bool = False,
        referral_code: str | None = None,
        by: Actor,
    ) -> User:
        """Make a user; without a password nobody signs in until one is set by a link.

        The first user of an organization is its owner. An operator (`is_superuser`) may belong to
        none. With another user's `referral_code` the first user of an organization makes it count
        for that one.

        Raises:
            InvalidInput: not an address, a weak password, a role without an organization, a
                referral code that no active user has.
            Conflict: the address is taken; the organization's first user is to be an owner.
            SeatLimitExceeded: the plan has no room.
        """
        if (organization is None) != (role is None) or (organization is None and not is_superuser):
            raise InvalidInput(
                "A user has an organization and a role in it; only an operator has neither.",
                field="role",
            )
        user = User(
            id=UserId(new_id()),
            email=normalised_email(email),
            organization=organization,
            role=role,
            language=language,
            is_superuser=is_superuser,
            created_at=self.clock(),
            referral_code=new_referral_code(),
            referred_by=await self.referrer(referral_code) if referral_code else None,
        )
        password_hash = await self.hasher.hash(checked_password(password)) if password else None
        seats = await self.seats.allowed(organization) if organization else None
        event = self._event("user.created", user, by=by, role=role, is_superuser=is_superuser)
        await self.store.add(user, password_hash=password_hash, seats=seats, event=event)
        return user

    async def authenticate(
        self,
        email: str,
        password: str,
        *,
        address: str | None = None,
        request_id: str | None = None,
    ) -> User | None:
        """Whoever has this address and this password; None takes as long as a user does.

        Either is written down, with where it came from; what was typed is not.
        """
        user, is_right = await self._tried(email, password)
        event = AuditEvent.of(
            "user.signed_in" if is_right else "user.sign_in_failed",
            by=Actor(
                name=user.email if user and is_right else "unknown",
                address=address,
                request_id=request_id,
            ),
            at=self.clock(),
            organization=user.organization if user else None,
            subject=str(user.id) if user else None,
        )
        await self.log.add(event)
        return user if is_right else None

    async def _tried(self, email: str, password: str) -> tuple[User | None, bool]:
        """Who has this address, and whether that is who may come in with this password."""
        try:
            found = await self.store.with_email(normalised_email(email))
        except InvalidInput:
            found = None
        user, password_hash = found or (None, None)
        matches = await self.hasher.verify(password, password_hash)
        return user, matches and user is not None and user.is_active

    async def show(self, email: str) -> User:
        """Raises:
        NotFound: nobody has this address.
        """
        found = await self.store.with_email(normalised_email(email))
        if found is None:
            raise NotFound(f"There is no user {email}.", hint="See `sloth admin users list`.")
        return found[0]

    async def member(self, organization: TenantId, id: UserId) -> User:
        """Raises:
        NotFound: the organization has no such user.
        """
        found = await self.store.find(id)
        if found is None or found.organization != organization:
            raise NotFound("There is no such user.")
        return found

    async def referrer(self, code: str) -> UserId:
        """Whose code it is.

        Raises:
            InvalidInput: no active user has it.
        """
        referrer = await self.store.with_referral_code(normalised_referral_code(code))
        if referrer is None or not referrer.is_active:
            raise unknown_referral_code()
        return referrer.id

    async def list(
        self,
        organization: TenantId | None = None,
        *,
        limit: int = 100,
        after: UserId | None = None,
    ) -> Sequence[User]:
        """Users, oldest first; of one organization or of all."""
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        return await self.store.all(organization, limit=limit, after=after)

    async def set_role(self, user: User, role: Role, *, by: Actor) -> User:
        """Give a user another role; what was signed for the old one is void at once.

        Raises:
            Conflict: the organization would have no owner.
        """
        if user.organization is None:
            raise InvalidInput(f"{user.email} belongs to no organization.", field="role")
        return await self._changed(user, UserChange(role=role), "user.role_changed", by=by)

    async def set_active(self, user: User, *, active: bool, by: Actor) -> User:
        """Let a user in again, or keep one out at once.

        Raises:
            Conflict: the organization would have no active owner.
            SeatLimitExceeded: the plan has no room for one more.
        """
        action = "user.activated" if active else "user.deactivated"
        return await self._changed(user, UserChange(is_active=active), action, by=by)

    async def update(
        self,
        user: User,
        *,
        language: Language | None = None,
        phone: str | None = None,
        avatar: str | None = None,
        by: Actor,
    ) -> User:
        """Change what users may change of themselves; an empty phone or avatar takes it away.

        Raises:
            InvalidInput: not a phone number, not the address of a picture.
        """
        change = UserChange(
            language=language,
            phone=checked_phone(phone) if phone else phone,
            avatar=checked_picture(avatar) if avatar else avatar,
        )
        return await self._changed(user, change, "user.updated", by=by)

    async def change_password(self, user: User, old: str, new: str, *, by: Actor) -> None:
        """Ends all sessions of the user.

        Raises:
            InvalidInput: the old password is another one, the new one is weak.
        """
        _, is_right = await self._tried(user.email, old)
        if not is_right:
            raise InvalidInput("The old password is not right.", field="old_password")
        password_hash = await self.hasher.hash(checked_password(new))
        event = self._event("user.password_changed", user, by=by)
        await self.store.set_password(user.id, password_hash, event=event)

    async def _changed(self, user: User, change: UserChange, action: str, *, by: Actor) -> User:
        event = self._event(action, user, by=by, role=change.role)
        seats = None
        if change.is_active and user.organization is not None:
            seats = await self.seats.allowed(user.organization)
        changed = await self.store.change(user.id, change, seats=seats, event=event)
        if changed is None:
            raise NotFound(f"There is no user {user.email}.", hint="See `sloth admin users list`.")
        return changed

    def _event(self, action: str, user: User, *, by: Actor, **details: object) -> AuditEvent:
        return AuditEvent.of(
            action,
            by=by,
            at=self.clock(),
            organization=user.organization,
            subject=str(user.id),
            **{name: value for name, value in details.items() if value is not None},
        )
