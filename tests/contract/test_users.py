"""Users, invitations and passwords on real PostgreSQL, by many at once."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import pytest

from fakes.quick_hasher import QuickHasher
from fakes.smtp_server import SmtpServer
from sloth_agent import AsyncSloth
from sloth_agent.adapters.mail.smtp import SmtpMailer
from sloth_agent.adapters.passwords.argon2 import Argon2Hasher
from sloth_agent.adapters.stores.postgres.audit import PostgresAudit
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.users import PostgresUsers
from sloth_agent.errors import (
    BackendUnavailable,
    Conflict,
    InvalidInput,
    LinkInvalid,
    NotFound,
    SeatLimitExceeded,
    SlothError,
)
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.account_ports import Invitation
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.invitations import Invitations
from sloth_agent.tenants.password_resets import PasswordResets
from sloth_agent.tenants.tokens import Token
from sloth_agent.tenants.users import Role, User

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
PASSWORD = "four words in a row"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Seats:
    def __init__(self, allowed: int | None = None) -> None:
        self.number = allowed

    async def allowed(self, _organization: TenantId) -> int | None:
        return self.number


@pytest.fixture
def store(database: Database) -> PostgresUsers:
    return PostgresUsers(database)


@pytest.fixture
def accounts(store: PostgresUsers) -> Accounts:
    return Accounts(store, QuickHasher(), Seats(), PostgresAudit(store.database), lambda: NOW)


@pytest.fixture
def invitations(store: PostgresUsers) -> Invitations:
    return Invitations(store, QuickHasher(), Seats(), None, "https://example.com", lambda: NOW)


@pytest.fixture
def resets(store: PostgresUsers) -> PasswordResets:
    return PasswordResets(store, QuickHasher(), None, "https://example.com", lambda: NOW)


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> TenantId:
    return (await sloth.create_tenant(slug)).id


@pytest.fixture
async def owner(accounts: Accounts, firm: TenantId) -> User:
    return await accounts.create(
        address(), organization=firm, role=Role.OWNER, password=PASSWORD, by=BY
    )


def address() -> str:
    return f"{uuid4().hex}@example.com"


def token(url: str) -> str:
    return url.rpartition("/")[2]


async def test_a_user_signs_in_by_any_spelling_of_the_address(
    accounts: Accounts, owner: User
) -> None:
    assert await accounts.authenticate(owner.email.upper(), PASSWORD) == owner
    assert await accounts.authenticate(owner.email, "another password") is None
    assert await accounts.authenticate(address(), PASSWORD) is None
    assert await accounts.authenticate("no address", PASSWORD) is None
    assert await accounts.show(owner.email) == owner
    with pytest.raises(NotFound):
        await accounts.show(address())


async def test_signing_in_is_written_down(
    accounts: Accounts, owner: User, firm: TenantId, sloth: AsyncSloth
) -> None:
    """Also where it fails; what was typed then may be a password in the wrong field."""
    outsider = address()
    await accounts.authenticate(owner.email, PASSWORD, address="192.0.2.7", request_id="r-1")
    await accounts.authenticate(owner.email, "another password", address="192.0.2.8")
    with pytest.raises(InvalidInput):
        await accounts.change_password(owner, "another password", "five words in a row", by=BY)
    failed, signed_in = await sloth.audit.list(organization=firm, action="user.sign*")
    assert (signed_in.action, signed_in.subject) == ("user.signed_in", str(owner.id))
    assert signed_in.by == Actor(name=owner.email, address="192.0.2.7", request_id="r-1")
    assert (failed.action, failed.subject) == ("user.sign_in_failed", str(owner.id))
    assert failed.by == Actor(name="unknown", address="192.0.2.8")

    await accounts.authenticate(outsider, PASSWORD, address="192.0.2.9")
    [newest] = await sloth.audit.list(action="user.sign_in_failed", limit=1)
    assert (newest.by.address, newest.subject, newest.organization) == ("192.0.2.9", None, None)
    assert outsider not in repr(newest)


async def test_a_new_role_is_written_down_with_the_old_one(
    accounts: Accounts, owner: User, firm: TenantId, sloth: AsyncSloth
) -> None:
    assert owner.organization == firm
    user = await accounts.create(address(), organization=firm, role=Role.MEMBER, by=BY)
    await accounts.set_role(user, Role.ADMIN, by=BY)
    await accounts.set_role(user, Role.OWNER, by=BY)  # by somebody who has not looked again
    owned, promoted = await sloth.audit.list(organization=firm, action="user.role_changed")
    assert promoted.details == {"role": "admin", "previous": "member"}
    assert owned.details == {"role": "owner", "previous": "admin"}


async def test_the_same_address_by_50_at_once_is_one_user(
    accounts: Accounts, firm: TenantId
) -> None:
    email, outcomes = address(), Counter[str]()

    async def register() -> None:
        try:
            await accounts.create(email, organization=firm, role=Role.OWNER, by=BY)
            outcomes["made"] += 1
        except Conflict:
            outcomes["taken"] += 1

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(register)
    assert outcomes == {"made": 1, "taken": 49}


async def test_the_first_user_is_an_owner(accounts: Accounts, firm: TenantId) -> None:
    with pytest.raises(Conflict, match="owner"):
        await accounts.create(address(), organization=firm, role=Role.ADMIN, by=BY)
    assert await accounts.list(firm) == []
    with pytest.raises(InvalidInput):
        await accounts.create(address(), by=BY)
    with pytest.raises(InvalidInput):
        await accounts.create(address(), organization=firm, is_superuser=True, by=BY)
    operator = await accounts.create(address(), is_superuser=True, by=BY)
    assert (operator.organization, operator.role) == (None, None)


async def test_the_first_one_asked_in_is_an_owner(
    accounts: Accounts, invitations: Invitations, store: PostgresUsers, firm: TenantId
) -> None:
    for role in (Role.MEMBER, Role.ADMIN):
        with pytest.raises(Conflict, match="owner"):
            await invitations.invite(firm, address(), role=role, by=BY)
    assert await invitations.list(firm) == []
    link = await invitations.invite(firm, address(), role=Role.OWNER, by=BY)
    with pytest.raises(Conflict, match="owner"):
        await invitations.invite(firm, address(), by=BY)
    # One that was made by an earlier release is not taken while there is no owner.
    early = Invitation(
        id=uuid4(),
        organization=firm,
        email=address(),
        role=Role.MEMBER,
        expires_at=NOW + timedelta(days=1),
    )
    early_token = Token.new()
    await _keep(store.database, early, early_token)
    with pytest.raises(Conflict, match="owner"):
        await invitations.accept(early_token.text, PASSWORD)
    owner = await invitations.accept(token(link.url), PASSWORD)
    member = await invitations.accept(early_token.text, PASSWORD)
    assert await accounts.list(firm) == [owner, member]


async def _keep(database: Database, invitation: Invitation, token: Token) -> None:
    async with database.shared() as connection:
        await connection.execute(
            "insert into public.invitations"
            " (token_hash, id, organization_id, email, role, expires_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            (
                token.digest,
                invitation.id,
                invitation.organization,
                invitation.email,
                invitation.role,
                invitation.expires_at,
            ),
        )


async def test_50_owners_who_leave_at_once_leave_one(accounts: Accounts, firm: TenantId) -> None:
    """Without the lock on the organization all of them leave: each still sees the others."""
    owners = [
        await accounts.create(address(), organization=firm, role=Role.OWNER, by=BY)
        for _ in range(50)
    ]
    refused: list[SlothError] = []

    async def leave(number: int, user: User) -> None:
        try:
            if number % 2:
                await accounts.set_role(user, Role.MEMBER, by=BY)
            else:
                await accounts.set_active(user, active=False, by=BY)
        except Conflict as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        for number, user in enumerate(owners):
            group.start_soon(leave, number, user)
    left = [
        user for user in await accounts.list(firm) if user.role is Role.OWNER and user.is_active
    ]
    assert (len(left), len(refused)) == (1, 1)


async def test_a_new_role_and_a_locked_door_void_what_was_signed(
    accounts: Accounts, owner: User, firm: TenantId
) -> None:
    user = await accounts.create(
        address(), organization=firm, role=Role.MEMBER, password=PASSWORD, by=BY
    )
    promoted = await accounts.set_role(user, Role.ADMIN, by=BY)
    assert (promoted.role, promoted.token_version) == (Role.ADMIN, 1)
    out = await accounts.set_active(user, active=False, by=BY)
    assert out.token_version == 2
    assert await accounts.authenticate(user.email, PASSWORD) is None
    assert (await accounts.set_active(user, active=True, by=BY)).token_version == 2
    same = await accounts.update(user, phone="+48 123 456 789", by=BY)
    assert (same.phone, same.token_version) == ("+48123456789", 2)
    picture = "https://example.com/anna.png"
    assert (await accounts.update(user, avatar=picture, by=BY)).avatar == picture
    assert await accounts.show(owner.email) == owner


async def test_a_new_password_needs_the_old_one(accounts: Accounts, owner: User) -> None:
    with pytest.raises(InvalidInput, match="old password"):
        await accounts.change_password(owner, "another password", "five words in a row", by=BY)
    with pytest.raises(InvalidInput, match="10 to 256"):
        await accounts.change_password(owner, PASSWORD, "short", by=BY)
    await accounts.change_password(owner, PASSWORD, "five words in a row", by=BY)
    assert await accounts.authenticate(owner.email, PASSWORD) is None
    changed = await accounts.authenticate(owner.email, "five words in a row")
    assert changed == replace(owner, token_version=1)


async def test_an_invitation_is_accepted_once(
    accounts: Accounts, invitations: Invitations, owner: User, firm: TenantId
) -> None:
    email = address()
    old = await invitations.invite(firm, email, by=BY)
    link = await invitations.invite(firm, email.upper(), role=Role.ADMIN, by=BY)
    assert not link.sent
    assert len(await invitations.list(firm)) == 1
    with pytest.raises(LinkInvalid):
        await invitations.accept(token(old.url), PASSWORD)
    joined: list[User] = []
    refused: list[SlothError] = []

    async def accept() -> None:
        try:
            joined.append(await invitations.accept(token(link.url), PASSWORD))
        except LinkInvalid as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(accept)
    assert (len(joined), len(refused)) == (1, 49)
    assert (joined[0].email, joined[0].role) == (email, Role.ADMIN)
    assert await accounts.list(firm) == [owner, *joined]
    assert await invitations.list(firm) == []
    with pytest.raises(Conflict):
        await invitations.invite(firm, email, by=BY)


async def test_an_invitation_is_found_by_its_address(
    accounts: Accounts, invitations: Invitations, owner: User, firm: TenantId, sloth: AsyncSloth
) -> None:
    assert owner.organization == firm
    other = (await sloth.create_tenant(f"t-{uuid4().hex}")).id
    await accounts.create(address(), organization=other, role=Role.OWNER, by=BY)
    email = address()
    for organization in (firm, other):
        await invitations.invite(organization, email, by=BY)
    with pytest.raises(Conflict, match="into 2 tenants"):
        await invitations.find(email)
    assert (await invitations.find(email.upper(), other)).organization == other
    with pytest.raises(NotFound):
        await invitations.find(address())


async def test_an_invitation_ends(invitations: Invitations, owner: User, firm: TenantId) -> None:
    assert owner.organization == firm
    link = await invitations.invite(firm, address(), by=BY)
    late = replace(invitations, clock=lambda: NOW + timedelta(days=7))
    with pytest.raises(LinkInvalid):
        await late.accept(token(link.url), PASSWORD)
    assert await late.list(firm) == []
    withdrawn = await invitations.invite(firm, address(), by=BY)
    (_, open_one) = await invitations.list(firm)
    with pytest.raises(NotFound):
        await invitations.withdraw(TenantId(uuid4()), open_one.id, by=BY)
    await invitations.withdraw(firm, open_one.id, by=BY)
    with pytest.raises(LinkInvalid):
        await invitations.accept(token(withdrawn.url), PASSWORD)
    for guess in ("", "x" * 43, "\0"):
        with pytest.raises(LinkInvalid):
            await invitations.accept(guess, PASSWORD)


async def test_seats_are_counted_exactly(
    accounts: Accounts, invitations: Invitations, owner: User, firm: TenantId
) -> None:
    """Without the lock on the organization about as many get in as there are connections."""
    assert owner.organization == firm
    accounts, invitations = (
        replace(accounts, seats=Seats(10)),
        replace(invitations, seats=Seats(10)),
    )
    outcomes = Counter[str]()

    async def take(number: int) -> None:
        try:
            if number % 2:
                await invitations.invite(firm, address(), by=BY)
            else:
                await accounts.create(address(), organization=firm, role=Role.MEMBER, by=BY)
            outcomes["in"] += 1
        except SeatLimitExceeded as error:
            outcomes[f"{error.details['used']} of {error.details['limit']}"] += 1

    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(take, number)
    assert outcomes == {"in": 9, "10 of 10": 51}


async def test_who_comes_back_takes_a_seat(accounts: Accounts, firm: TenantId, owner: User) -> None:
    """Without the count, whoever was deactivated comes back beside those who came since."""
    limited = replace(accounts, seats=Seats(2))

    async def member() -> User:
        return await limited.create(address(), organization=firm, role=Role.MEMBER, by=BY)

    left = await limited.set_active(await member(), active=False, by=BY)
    taking = await member()
    with pytest.raises(SeatLimitExceeded):
        await limited.set_active(left, active=True, by=BY)
    assert (await limited.set_active(taking, active=True, by=BY)).is_active, "has a seat already"
    await limited.set_active(taking, active=False, by=BY)
    assert (await limited.set_active(left, active=True, by=BY)).is_active
    assert owner.is_active


async def test_a_member_is_found_in_the_own_organization_alone(
    accounts: Accounts, firm: TenantId, owner: User
) -> None:
    assert await accounts.member(firm, owner.id) == owner
    for organization, id in ((TenantId(uuid4()), owner.id), (firm, UserId(uuid4()))):
        with pytest.raises(NotFound):
            await accounts.member(organization, id)


async def test_a_reset_link_works_once_and_for_an_hour(
    accounts: Accounts, resets: PasswordResets, owner: User
) -> None:
    first = await resets.request(owner.email, by=BY)
    second = await resets.request(owner.email, by=BY)
    assert first
    assert second
    late = replace(resets, clock=lambda: NOW + timedelta(hours=1))
    with pytest.raises(LinkInvalid):
        await late.reset(token(second.url), "five words in a row")
    changed = await resets.reset(token(second.url), "five words in a row")
    assert changed == replace(owner, token_version=1)
    for link in (first, second):
        with pytest.raises(LinkInvalid):
            await resets.reset(token(link.url), "six words in a row")
    assert await accounts.authenticate(owner.email, "five words in a row") == changed
    assert await resets.request(address(), by=BY) is None
    assert await resets.request("no address", by=BY) is None


async def test_who_was_kept_out_gets_no_new_password(
    accounts: Accounts, resets: PasswordResets, owner: User, firm: TenantId
) -> None:
    assert owner.is_active
    user = await accounts.create(address(), organization=firm, role=Role.MEMBER, by=BY)
    link = await resets.request(user.email, by=BY)
    assert link
    await accounts.set_active(user, active=False, by=BY)
    with pytest.raises(LinkInvalid):
        await resets.reset(token(link.url), PASSWORD)
    assert await resets.request(user.email, by=BY) is None


async def test_links_go_by_mail(invitations: Invitations, owner: User, firm: TenantId) -> None:
    assert owner.organization == firm
    email = address()
    with SmtpServer() as server:
        mailer = SmtpMailer(
            "127.0.0.1", server.port, user=None, password=None, sender="sloth@example.com"
        )
        link = await replace(invitations, mailer=mailer).invite(firm, email, by=BY)
    (message,) = server.messages
    assert link.sent
    assert (message["To"], message["From"]) == (email, "sloth@example.com")
    assert link.url in message.get_content()


async def test_a_mail_server_that_refuses(
    invitations: Invitations, owner: User, firm: TenantId
) -> None:
    assert owner.organization == firm
    with SmtpServer(refuses=True) as server:
        for user in (None, "sloth"):  # with a name, it would have to offer encryption
            mailer = SmtpMailer(
                "127.0.0.1", server.port, user=user, password="x", sender="sloth@example.com"
            )
            with pytest.raises(BackendUnavailable, match="mail server"):
                await replace(invitations, mailer=mailer).invite(firm, address(), by=BY)
    assert server.messages == []


async def test_argon2_costs_the_same_for_nobody() -> None:
    hasher = Argon2Hasher()
    kept = await hasher.hash("пароль \udcff")
    assert kept.startswith("$argon2id$")
    assert "m=19456,t=2,p=1" in kept
    assert await hasher.verify("пароль \udcff", kept)
    assert not await hasher.verify("пароль", kept)
    assert not await hasher.verify("пароль", None)
    assert not await hasher.verify("пароль", "no hash at all")
