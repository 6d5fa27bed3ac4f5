"""Asking people into an organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, LinkInvalid, NotFound
from sloth_agent.ids import TenantId, UserId, new_id
from sloth_agent.language import Language
from sloth_agent.tenants.account_ports import (
    Invitation,
    Mailer,
    PasswordHasher,
    Seats,
    UserStore,
)
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.links import Link, sent_or_shown
from sloth_agent.tenants.tokens import Token, token_in
from sloth_agent.tenants.users import Role, User, checked_password, normalised_email

INVITATION_LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invitations:
    """The way in for everybody but the first."""

    store: UserStore
    hasher: PasswordHasher
    seats: Seats
    mailer: Mailer | None
    frontend: str  # the address of the web console, without a slash at the end
    clock: Clock

    async def invite(
        self, organization: TenantId, email: str, *, role: Role = Role.MEMBER, by: Actor
    ) -> Link:
        """Hold a seat for an address, and send a link that works once, for 7 days.

        Inviting an address again replaces its link. The first one is invited as an owner.

        Raises:
            InvalidInput: not an address.
            Conflict: somebody has this address already; the organization has no owner yet.
            SeatLimitExceeded: the plan has no room.
            BackendUnavailable: the mail was not taken; the seat is held, invite again.
        """
        token = Token.new()
        now = self.clock()
        invitation = Invitation(
            id=new_id(),
            organization=organization,
            email=normalised_email(email),
            role=role,
            expires_at=now + INVITATION_LASTS,
        )
        await self.store.invite(
            invitation,
            token.digest,
            seats=await self.seats.allowed(organization),
            event=AuditEvent.of(
                "user.invited",
                by=by,
                at=now,
                organization=organization,
                subject=str(invitation.id),
                role=role,
            ),
        )
        return await sent_or_shown(
            self.mailer,
            invitation.email,
            subject="You are invited",
            text="Set your password to join",
            url=f"{self.frontend}/invitations/{token.text}",
        )

    async def list(self, organization: TenantId | None = None) -> Sequence[Invitation]:
        """The open ones, oldest first; of one organization or of all."""
        return await self.store.invitations(organization, now=self.clock())

    async def find(self, email: str, organization: TenantId | None = None) -> Invitation:
        """The open one of an address.

        Raises:
            InvalidInput: not an address.
            NotFound: there is none.
            Conflict: several organizations ask for the same address.
        """
        wanted = normalised_email(email)
        found = [each for each in await self.list(organization) if each.email == wanted]
        if not found:
            raise NotFound(
                f"There is no open invitation of {wanted}.",
                hint="See `sloth admin users invitations`.",
            )
        if len(found) > 1:
            raise Conflict(
                f"{wanted} is invited into {len(found)} tenants.", hint="Say which: --tenant SLUG."
            )
        return found[0]

    async def withdraw(self, organization: TenantId, id: UUID, *, by: Actor) -> None:
        """Free the seat; the link is void.

        Raises:
            NotFound: no such open invitation.
        """
        event = AuditEvent.of(
            "user.invitation_withdrawn",
            by=by,
            at=self.clock(),
            organization=organization,
            subject=str(id),
        )
        if not await self.store.withdraw(organization, id, event=event):
            raise NotFound("There is no such open invitation.")

    async def accept(
        self,
        token: str,
        password: str,
        *,
        language: Language = Language.ENGLISH,
        address: str | None = None,
        by: Actor | None = None,
    ) -> User:
        """Become the user that was asked for, by a token or the link that ends with it.

        Without `by` it was whoever has the link, at a network address.

        Raises:
            LinkInvalid: the link is unknown, was used, or is older than 7 days.
            InvalidInput: a weak password.
            Conflict: the address is taken by now, or the organization has no owner.
        """
        id = UserId(new_id())
        by = by or Actor(name="invited", address=address)
        accepted = await self.store.accept(
            Token(token_in(token)).digest,
            id,
            language=language,
            password_hash=await self.hasher.hash(checked_password(password)),
            event=AuditEvent.of("user.joined", by=by, at=self.clock(), subject=str(id)),
        )
        if accepted is None:
            raise LinkInvalid("This invitation is not valid any more.", hint="Ask for another one.")
        return accepted
