"""A new password for whoever forgot the old one."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput, LinkInvalid, NotSetUp
from sloth_agent.tenants.account_ports import Mailer, PasswordHasher, UserStore
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.links import Link, sent_or_shown
from sloth_agent.tenants.tokens import Token, token_in
from sloth_agent.tenants.users import User, checked_password, normalised_email

RESET_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PasswordResets:
    """Links that set a password, once."""

    store: UserStore
    hasher: PasswordHasher
    mailer: Mailer | None
    frontend: str  # the address of the web console, without a slash at the end
    clock: Clock

    def require_mail(self) -> None:
        """Before a link is promised to somebody who is not at the machine.

        Raises:
            NotSetUp: no mail server is configured.
        """
        if self.mailer is None:
            raise NotSetUp(
                "This install sends no mail: ask whoever runs it for a link.",
                hint="Set EMAIL_HOST, or run `sloth admin users reset-password EMAIL`.",
            )

    async def request(self, email: str, *, by: Actor) -> Link | None:
        """Send a link that works once, for an hour.

        None: nobody active has this address. Tell whoever asked the same either way; only an
        operator at the machine may see the link, where it was not sent.
        """
        try:
            found = await self.store.with_email(normalised_email(email))
        except InvalidInput:
            found = None
        if found is None or not found[0].is_active:
            return None
        user = found[0]
        token = Token.new()
        now = self.clock()
        await self.store.add_reset(
            user.id,
            token.digest,
            expires_at=now + RESET_LASTS,
            event=AuditEvent.of(
                "user.password_reset_requested",
                by=by,
                at=now,
                organization=user.organization,
                subject=str(user.id),
            ),
        )
        return await sent_or_shown(
            self.mailer,
            user.email,
            subject="A new password",
            text="Set a new password within an hour",
            url=f"{self.frontend}/reset/{token.text}",
        )

    async def reset(
        self,
        token: str,
        password: str,
        *,
        address: str | None = None,
        by: Actor | None = None,
    ) -> User:
        """Set a password by a token or the link that ends with it, and end all sessions.

        Without `by` it was whoever has the link, at a network address.

        Raises:
            LinkInvalid: the link is unknown, was used, or is older than an hour.
            InvalidInput: a weak password.
        """
        user = await self.store.use_reset(
            Token(token_in(token)).digest,
            await self.hasher.hash(checked_password(password)),
            event=AuditEvent.of(
                "user.password_reset",
                by=by or Actor(name="link", address=address),
                at=self.clock(),
            ),
        )
        if user is None:
            raise LinkInvalid("This link is not valid any more.", hint="Ask for another one.")
        return user
