"""Sign-ins and their refresh tokens on real PostgreSQL, by many at once."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import pytest

from fakes.quick_hasher import QuickHasher
from sloth_agent import AsyncSloth
from sloth_agent.access.models import Tokens
from sloth_agent.access.sessions import SESSION_LASTS, Sessions
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import NotSignedIn, SlothError, TokenInvalid, TokenReused
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role, User

pytestmark = pytest.mark.anyio

BY = Actor(name="test", address="192.0.2.7", request_id="r-1")
PASSWORD = "four words in a row"


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(sloth: AsyncSloth, clock: Clock) -> Sessions:
    accounts = replace(sloth.services.accounts, hasher=QuickHasher())
    return replace(sloth.services.sessions, accounts=accounts, clock=clock)


@pytest.fixture
async def user(sloth: AsyncSloth, sessions: Sessions, slug: str) -> User:
    firm = await sloth.create_tenant(slug)
    return await sessions.accounts.create(
        f"{uuid4().hex}@example.com",
        organization=firm.id,
        role=Role.OWNER,
        password=PASSWORD,
        by=BY,
    )


async def signed_in(sessions: Sessions, tokens: Tokens) -> bool:
    return await sessions.standing(sessions.read(tokens.access).session) is not None


async def test_each_refresh_token_is_good_for_one_time(sessions: Sessions, user: User) -> None:
    found, tokens = await sessions.sign_in(user.email, PASSWORD, by=BY)
    assert found == user
    chain = [tokens]
    for _ in range(10):
        chain.append(await sessions.refresh(chain[-1].refresh, by=BY))
    assert len({each.refresh for each in chain}) == len({each.access for each in chain}) == 11
    assert len({sessions.read(each.access).session for each in chain}) == 1
    assert await signed_in(sessions, chain[-1])


@pytest.mark.parametrize("which", [0, 3, 8])
async def test_one_that_comes_twice_ends_its_session_and_no_other(
    sloth: AsyncSloth, sessions: Sessions, user: User, which: int
) -> None:
    chain, other = [await sessions.begin(user)], await sessions.begin(user)
    for _ in range(9):
        chain.append(await sessions.refresh(chain[-1].refresh, by=BY))
    with pytest.raises(TokenReused):
        await sessions.refresh(chain[which].refresh, by=BY)
    with pytest.raises(TokenInvalid):
        await sessions.refresh(chain[-1].refresh, by=BY)
    assert not await signed_in(sessions, chain[-1])
    assert await signed_in(sessions, await sessions.refresh(other.refresh, by=BY))
    [event] = await sloth.audit.list(organization=user.organization, action="session.*")
    assert (event.action, event.subject) == ("session.token_reused", str(user.id))
    assert event.by == BY


async def test_one_that_comes_many_times_at_once_leaves_no_two_families(
    sessions: Sessions, user: User
) -> None:
    """Without the lock in `_of_token` several follow one token."""
    for _ in range(5):
        tokens = await sessions.begin(user)
        ends, following = Counter[str](), list[Tokens]()

        async def refresh(token: str, ends: Counter[str], following: list[Tokens]) -> None:
            try:
                following.append(await sessions.refresh(token, by=BY))
            except SlothError as error:
                ends[error.code] += 1

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(refresh, tokens.refresh, ends, following)
        assert len(following) == 1
        assert ends == {"token_reused": 49}
        with pytest.raises(TokenInvalid):
            await sessions.refresh(following[0].refresh, by=BY)


async def test_a_session_lasts_30_days_from_its_last_refresh(
    sessions: Sessions, user: User, clock: Clock
) -> None:
    tokens = await sessions.begin(user)
    for _ in range(3):
        clock.now += SESSION_LASTS - timedelta(seconds=1)
        tokens = await sessions.refresh(tokens.refresh, by=BY)
        assert await signed_in(sessions, tokens)
    clock.now += SESSION_LASTS
    with pytest.raises(TokenInvalid):
        await sessions.refresh(tokens.refresh, by=BY)
    with pytest.raises(TokenInvalid):
        sessions.read(tokens.access)


async def test_signing_out_ends_one_session(
    sloth: AsyncSloth, sessions: Sessions, user: User
) -> None:
    tokens, other = await sessions.begin(user), await sessions.begin(user)
    for _ in range(2):  # again is no error
        await sessions.sign_out(tokens.refresh, by=BY)
    await sessions.sign_out("no token at all", by=BY)
    assert not await signed_in(sessions, tokens)
    with pytest.raises(TokenInvalid):
        await sessions.refresh(tokens.refresh, by=BY)
    assert await signed_in(sessions, other)
    assert (
        len(await sloth.audit.list(organization=user.organization, action="user.signed_out")) == 1
    )


async def test_another_role_another_password_and_deactivation_end_all(
    sessions: Sessions, user: User
) -> None:
    accounts = sessions.accounts
    await accounts.create(
        f"{uuid4().hex}@example.com", organization=user.organization, role=Role.OWNER, by=BY
    )

    async def role() -> None:
        await accounts.set_role(user, Role.MEMBER, by=BY)

    async def password() -> None:
        await accounts.change_password(user, PASSWORD, PASSWORD, by=BY)

    async def deactivation() -> None:
        await accounts.set_active(user, active=False, by=BY)

    for change in (role, password, deactivation):
        held = [await sessions.sign_in(user.email, PASSWORD, by=BY) for _ in range(2)]
        await change()
        for _, tokens in held:
            assert not await signed_in(sessions, tokens)
            with pytest.raises(TokenInvalid):
                await sessions.refresh(tokens.refresh, by=BY)
    with pytest.raises(NotSignedIn):
        await sessions.sign_in(user.email, PASSWORD, by=BY)


async def test_what_was_read_before_a_change_begins_nothing(sessions: Sessions, user: User) -> None:
    """A sign-in beside a change of the password."""
    await sessions.accounts.change_password(user, PASSWORD, "other words in a row", by=BY)
    tokens = await sessions.begin(user)  # as it was before
    assert not await signed_in(sessions, tokens)


async def test_only_digests_are_kept(sessions: Sessions, user: User, database: Database) -> None:
    tokens = await sessions.begin(user)
    async with database.shared() as connection:
        found = await connection.execute(
            "select sessions::text || refresh_tokens::text from public.sessions"
            " join public.refresh_tokens on session_id = id where user_id = %s",
            (user.id,),
        )
        [[row]] = await found.fetchall()
    for secret in (tokens.refresh, tokens.access):
        assert secret not in row
        assert secret.encode().hex() not in row
        assert secret not in repr(tokens)


async def test_sessions_that_are_over_are_forgotten(
    sessions: Sessions, user: User, clock: Clock, database: Database
) -> None:
    over, lasting = await sessions.begin(user), await sessions.begin(user)
    clock.now += SESSION_LASTS - timedelta(minutes=1)
    lasting = await sessions.refresh(lasting.refresh, by=BY)
    clock.now += timedelta(minutes=2)
    assert await sessions.clean_up() >= 1
    async with database.shared() as connection:
        found = await connection.execute(
            "select count(*) from public.sessions where user_id = %s", (user.id,)
        )
        assert await found.fetchone() == (1,)
    with pytest.raises(TokenInvalid):
        await sessions.refresh(over.refresh, by=BY)
    assert await signed_in(sessions, await sessions.refresh(lasting.refresh, by=BY))
