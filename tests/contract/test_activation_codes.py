"""Activation codes on real PostgreSQL: made, redeemed once by many at once, revoked."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import anyio
import anyio.to_thread
import pytest

from fakes.rivals import redeem_at_once
from sloth_agent import AsyncSloth, Settings, SlothError
from sloth_agent.adapters.stores.postgres.activation_codes import PostgresCodes
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.subscriptions import PostgresSubscriptions
from sloth_agent.billing.activation_codes import MOST_NEW, ActivationCodes
from sloth_agent.billing.code_text import new_code
from sloth_agent.billing.lifecycle import terms_held
from sloth_agent.billing.states import CodeStatus, SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.errors import (
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    Conflict,
    InvalidInput,
    NotFound,
    RateLimited,
)
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization, schema_name

pytestmark = pytest.mark.anyio

BY = Actor(name="anna@example.com", address="192.0.2.7")
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)

Moment = Callable[[datetime], ActivationCodes]
NewFirm = Callable[[], Awaitable[TenantId]]


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
def at(database: Database) -> Moment:
    """The service as it is at a moment."""
    return lambda moment: ActivationCodes(
        PostgresCodes(database), PostgresPlans(database), lambda: moment
    )


@pytest.fixture
def codes(at: Moment) -> ActivationCodes:
    return at(NOW)


@pytest.fixture
async def new_firm(database: Database) -> AsyncIterator[NewFirm]:
    """Firms without schemas, which codes do not touch; other tests shall not meet them."""
    made: list[TenantId] = []

    async def make() -> TenantId:
        id = TenantId(new_id())
        made.append(id)
        slug = f"t-{uuid4().hex}"
        firm = Organization(
            id=id, slug=slug, name=slug, schema_name=schema_name(id), created_at=NOW
        )
        assert await PostgresOrganizations(database).add(firm)
        return id

    yield make
    async with database.shared() as connection:
        await connection.execute("delete from public.organizations where id = any(%s)", (made,))


@pytest.fixture
async def firm(new_firm: NewFirm) -> TenantId:
    return await new_firm()


async def told(sloth: AsyncSloth, firm: TenantId) -> list[object]:
    """What the audit log says of a firm's codes, oldest first."""
    events = await sloth.audit.list(organization=firm, action="code.*", limit=1000)
    return [event.details.get("reason", event.action) for event in reversed(events)]


async def ending(work: Callable[[], Awaitable[object]]) -> str:
    try:
        await work()
    except SlothError as error:
        return error.code
    return "done"


async def at_once(*works: Callable[[], Awaitable[object]]) -> Counter[str]:
    ends: list[str] = []

    async def run(work: Callable[[], Awaitable[object]]) -> None:
        ends.append(await ending(work))

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)
    return Counter(ends)


async def test_a_code_begins_a_subscription(
    codes: ActivationCodes, sloth: AsyncSloth, firm: TenantId
) -> None:
    [code] = await codes.generate("professional", days=90, by=BY)
    subscription = await codes.redeem(firm, code.lower(), by=BY)
    assert (subscription.plan, subscription.status) == ("professional", SubscriptionStatus.ACTIVE)
    assert subscription.current_period_end == NOW + days(90)
    assert await sloth.subscriptions.store.find(firm) == subscription
    [event] = await sloth.audit.list(organization=firm, action="code.*")
    assert (event.action, event.by, event.details["days"]) == ("code.redeemed", BY, 90)
    [listed] = await codes.list(limit=1)
    assert (str(listed.code.id), listed.code.used_by) == (event.subject, firm)


async def test_without_end(codes: ActivationCodes, firm: TenantId) -> None:
    [code] = await codes.generate("starter", days=0, by=BY)
    assert (await codes.redeem(firm, code, by=BY)).current_period_end is None


async def test_who_reads_the_database_can_redeem_none(
    codes: ActivationCodes, database: Database
) -> None:
    [code] = await codes.generate("starter", days=30, by=BY)
    async with database.shared() as connection:
        found = await connection.execute(
            "select code::text from public.activation_codes as code"
            " union all select event::text from public.audit_log as event"
        )
        everything = "\n".join(row for (row,) in await found.fetchall()).upper()
    for part in (code, code.replace("-", ""), code[:11]):
        assert part not in everything
        assert part.encode().hex().upper() not in everything


async def test_a_code_for_200_firms_in_4_processes_at_once(
    codes: ActivationCodes, settings: Settings, sloth: AsyncSloth, new_firm: NewFirm
) -> None:
    """Without `used_at is null` in the statement that takes a code, many get it."""
    firms = [await new_firm() for _ in range(200)]
    [code] = await codes.generate("starter", days=30, by=BY)
    ends = await anyio.to_thread.run_sync(
        partial(redeem_at_once, settings.home, firms, code, processes=4)
    )
    assert ends == {"redeemed": 1, "code_used": 199}
    served = [firm for firm in firms if await sloth.subscriptions.current(firm)]
    assert len(served) == 1
    assert await told(sloth, served[0]) == ["code.redeemed"]
    [listed] = await codes.list(limit=1)
    assert listed.code.used_by == served[0]


async def test_codes_and_an_operator_for_one_firm_at_once(
    codes: ActivationCodes, database: Database, firm: TenantId
) -> None:
    """Without `hold` in `redeem` some codes are taken and give nothing."""
    subscriptions = Subscriptions(PostgresSubscriptions(database), lambda: NOW)
    by_code = [
        partial(codes.redeem, firm, text, by=BY)
        for text in await codes.generate("starter", days=7, count=25, by=BY)
    ]
    by_hand = [partial(subscriptions.activate, firm, "starter", days=7, by=BY)] * 25
    works = [work for pair in zip(by_code, by_hand, strict=True) for work in pair]
    assert await at_once(*works) == {"done": 50}
    subscription = await subscriptions.current(firm)
    assert subscription is not None
    first, second = terms_held(subscription)  # what is paid stays apart
    assert (first.until, second.until) == (NOW + days(175), NOW + days(350))


async def test_why_a_code_is_refused(
    at: Moment, codes: ActivationCodes, sloth: AsyncSloth, firm: TenantId, new_firm: NewFirm
) -> None:
    used, expired, revoked = await codes.generate(
        "starter", days=30, count=3, expires_at=NOW + days(1), by=BY
    )
    await codes.redeem(await new_firm(), used, by=BY)
    await codes.revoke(revoked, by=BY)
    with pytest.raises(CodeUsed):
        await codes.redeem(firm, used, by=BY)
    with pytest.raises(CodeExpired, match="revoked"):
        await codes.redeem(firm, revoked, by=BY)
    with pytest.raises(CodeExpired, match="expired"):
        await at(NOW + days(1)).redeem(firm, expired, by=BY)
    with pytest.raises(CodeUnknown, match="no such code") as unknown:
        await codes.redeem(firm, new_code(), by=BY)
    with pytest.raises(CodeUnknown, match="mistyped") as mistyped:
        await codes.redeem(firm, "'; drop table activation_codes; --", by=BY)
    assert [error.value.details["mistyped"] for error in (unknown, mistyped)] == [False, True]
    assert await told(sloth, firm) == [
        "code_used",
        "code_expired",
        "code_expired",
        "code_unknown",
        "code_unknown",
    ]
    with pytest.raises(NotFound):
        await codes.redeem(TenantId(new_id()), expired, by=BY)


async def test_a_code_that_would_give_nothing_stays_unused(
    codes: ActivationCodes, sloth: AsyncSloth, firm: TenantId, new_firm: NewFirm
) -> None:
    [endless] = await codes.generate("professional", days=0, by=BY)
    [lower] = await codes.generate("starter", days=30, by=BY)
    await codes.redeem(firm, endless, by=BY)
    with pytest.raises(Conflict):
        await codes.redeem(firm, lower, by=BY)
    assert await told(sloth, firm) == ["code.redeemed", "conflict"]
    assert (await codes.redeem(await new_firm(), lower, by=BY)).plan == "starter"


async def test_ten_wrong_tries_an_hour(
    at: Moment, codes: ActivationCodes, firm: TenantId, new_firm: NewFirm
) -> None:
    """Without the condition on the counter all 50 are looked at."""
    [right] = await codes.generate("starter", days=30, by=BY)
    wrong = [partial(codes.redeem, firm, new_code(), by=BY) for _ in range(25)]
    nonsense = [partial(codes.redeem, firm, "nonsense", by=BY) for _ in range(25)]
    assert await at_once(*wrong, *nonsense) == {"code_unknown": 10, "rate_limited": 40}

    with pytest.raises(RateLimited) as limited:
        await at(NOW + timedelta(minutes=20)).redeem(firm, right, by=BY)
    assert limited.value.details == {"retry_after_seconds": 40 * 60}
    other = await new_firm()
    assert await ending(partial(codes.redeem, other, new_code(), by=BY)) == "code_unknown"
    assert (await at(NOW + timedelta(hours=1)).redeem(firm, right, by=BY)).plan == "starter"
    after = [partial(at(NOW + timedelta(hours=1)).redeem, firm, "x", by=BY) for _ in range(11)]
    assert await at_once(*after) == {"code_unknown": 10, "rate_limited": 1}


async def test_what_cannot_be_generated(codes: ActivationCodes) -> None:
    for number, count in ((-1, 1), (10**6, 1), (30, 0), (30, MOST_NEW + 1)):
        with pytest.raises(InvalidInput):
            await codes.generate("starter", days=number, count=count, by=BY)
    with pytest.raises(InvalidInput):
        await codes.generate("starter", days=30, expires_at=NOW, by=BY)
    with pytest.raises(InvalidInput):
        await codes.generate("free", days=30, by=BY)
    for plan in ("", "no'such; plan", "\N{CYRILLIC SMALL LETTER ES}tarter"):
        with pytest.raises(NotFound):
            await codes.generate(plan, days=30, by=BY)


async def test_listed_by_state_plan_and_page(
    codes: ActivationCodes, at: Moment, new_firm: NewFirm
) -> None:
    unused, used, revoked = await codes.generate("enterprise", days=5, count=3, by=BY)
    await codes.generate("enterprise", days=5, expires_at=NOW + days(1), by=BY)
    await codes.redeem(await new_firm(), used, by=BY)
    gone = await codes.revoke(revoked, by=BY)
    later = at(NOW + days(1))
    newest = await later.list(plan="enterprise", limit=4)
    states = [listed.code.status(NOW + days(1)) for listed in newest]
    assert states == [
        CodeStatus.EXPIRED,
        CodeStatus.REVOKED,
        CodeStatus.USED,
        CodeStatus.UNUSED,
    ]
    assert newest[1].code == gone
    assert [(listed.used_by or "").startswith("t-") for listed in newest] == [0, 0, 1, 0]
    for listed, status in zip(newest, states, strict=True):
        [first] = await later.list(plan="enterprise", status=status, limit=1)
        assert first == listed
    assert list(await later.list(before=newest[1].code.id, limit=2)) == list(newest[2:])
    assert unused
    with pytest.raises(InvalidInput):
        await codes.list(limit=0)


async def test_revoking(codes: ActivationCodes, sloth: AsyncSloth, firm: TenantId) -> None:
    one, other = await codes.generate("starter", days=30, count=2, by=BY)
    revoked = await codes.revoke(one, by=BY)
    assert await codes.revoke(revoked.id, by=BY) == revoked
    log = [event.subject for event in await sloth.audit.list(action="code.revoked")]
    assert log.count(str(revoked.id)) == 1
    await codes.redeem(firm, other, by=BY)
    with pytest.raises(CodeUsed):
        await codes.revoke(other, by=BY)
    for unknown in (new_id(), new_code(), "nonsense", ""):
        with pytest.raises(NotFound):
            await codes.revoke(unknown, by=BY)


async def test_redeemed_or_revoked_but_not_both(
    codes: ActivationCodes, sloth: AsyncSloth, firm: TenantId
) -> None:
    ends = []
    for text in await codes.generate("starter", days=1, count=10, by=BY):
        ends += [
            await at_once(
                partial(codes.redeem, firm, text, by=BY), partial(codes.revoke, text, by=BY)
            )
        ]
    assert all(end in ({"done": 1, "code_used": 1}, {"done": 1, "code_expired": 1}) for end in ends)
    subscription = await sloth.subscriptions.store.find(firm)
    redeemed = sum(end["code_used"] for end in ends)  # what was too late is the revocation
    assert (await told(sloth, firm)).count("code.redeemed") == redeemed
    assert redeemed == (
        (subscription.current_period_end or NOW) - NOW if subscription else days(0)
    ) // days(1)
