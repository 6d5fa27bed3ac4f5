"""Signing in, staying signed in, and signing out."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.access.models import Session, Signed, Standing, Tokens
from sloth_agent.access.ports import SessionStore, TokenSigner
from sloth_agent.clock import Clock
from sloth_agent.errors import NotSignedIn, TokenInvalid
from sloth_agent.ids import SessionId, new_id
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.tokens import Token
from sloth_agent.tenants.users import User

SESSION_LASTS = timedelta(days=30)
"""Without being refreshed."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sign-ins of all users."""

    store: SessionStore
    accounts: Accounts
    signer: TokenSigner
    clock: Clock

    async def sign_in(self, email: str, password: str, *, by: Actor) -> tuple[User, Tokens]:
        """Begin a session.

        Raises:
            NotSignedIn: no such user, another password, or one who was deactivated: which of them
                is told to nobody.
        """
        user = await self.accounts.authenticate(
            email, password, address=by.address, request_id=by.request_id
        )
        if user is None:
            raise NotSignedIn("The e-mail address or the password is not right.")
        return user, await self.begin(user)

    async def begin(self, user: User) -> Tokens:
        """A session for somebody who has just proved to be this user."""
        now = self.clock()
        refresh = Token.new()
        session = Session(
            id=SessionId(new_id()),
            user=user.id,
            token_version=user.token_version,
            created_at=now,
            expires_at=now + SESSION_LASTS,
        )
        await self.store.begin(session, refresh.digest)
        return self._tokens(session, refresh)

    async def refresh(self, token: str, *, by: Actor) -> Tokens:
        """New tokens for old ones; a refresh token is good for one time.

        Raises:
            TokenReused: it was used before, so somebody has a copy: the session has ended.
            TokenInvalid: it is unknown, or its session has ended.
        """
        now = self.clock()
        following = Token.new()
        session = await self.store.renew(
            Token(token).digest,
            following.digest,
            until=now + SESSION_LASTS,
            reused=AuditEvent.of("session.token_reused", by=by, at=now),
        )
        if session is None:
            raise TokenInvalid("The session has ended.", hint="Sign in again.")
        return self._tokens(session, following)

    async def sign_out(self, token: str, *, by: Actor) -> None:
        """End the session of a refresh token; one that has ended already is no error."""
        event = AuditEvent.of("user.signed_out", by=by, at=self.clock())
        await self.store.end(Token(token).digest, event=event)

    def read(self, access: str) -> Signed:
        """What an access token says, whatever became of its session since.

        Raises:
            TokenInvalid: not one of ours, or out of date.
        """
        return self.signer.read(access, now=self.clock())

    async def standing(self, id: SessionId) -> Standing | None:
        """Who has a session, and what holds for them now; None: it has ended."""
        return await self.store.standing(id, now=self.clock())

    async def clean_up(self) -> int:
        """Forget sessions that nobody can refresh any more; returns how many."""
        return await self.store.forget(before=self.clock())

    def _tokens(self, session: Session, refresh: Token) -> Tokens:
        signed = Signed(user=session.user, session=session.id)
        return Tokens(access=self.signer.sign(signed, now=self.clock()), refresh=refresh.text)
