"""Whatever comes, in whatever order, however often somebody dies: ours ends as Stripe's is.

Each life is a firm of its own: PostgreSQL, the SDK and an account at the simulation of Stripe.
`--lives 10000` (`nox -s lives`) has many; a life that goes wrong is told with its number, and
`--life NUMBER` has it again alone. A year has many firms at one account.

When the page of a former wish was left open, life 58 ended with two subscriptions; when charges
were asked for of the last 120 days alone, one life in 400 lacked one.
"""

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Literal

import pytest

from fakes.payment_life import Life
from fakes.payment_year import Year
from fakes.stripe_server.account import StripeAccount
from fakes.stripe_server.book import Rules
from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.states import SubscriptionStatus

pytestmark = pytest.mark.anyio

PARTS = 4
MOST_STEPS = 9
AFTER_RETRIES: Sequence[Literal["unpaid", "canceled", "past_due"]] = (
    "unpaid",
    "unpaid",
    "canceled",
    "past_due",
)
"""What the dashboard may say of who never pays."""


@pytest.fixture
async def sloth(own_settings: Settings) -> AsyncIterator[AsyncSloth]:
    """Alone in its database: the nightly comparison looks at all firms."""
    async with AsyncSloth(own_settings) as sloth:
        yield sloth


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
async def test_ours_ends_as_theirs(
    sloth: AsyncSloth, part: int, request: pytest.FixtureRequest
) -> None:
    only: int | None = request.config.getoption("--life")
    lives = range(part, request.config.getoption("--lives"), PARTS)
    for number in lives if only is None else [only] * (part == 0):
        await lived(sloth, number)


async def lived(sloth: AsyncSloth, number: int) -> None:
    random = Random(number)
    life = Life(
        sloth.services.databases.main,
        random,
        loss=random.choice([0, 0.1, 0.5]),
        death=random.choice([0, 0.1, 0.3]),
        has_trial=random.random() < 0.6,
        account=StripeAccount(rules=Rules(after_retries=random.choice(AFTER_RETRIES))),
    )
    await life.begin()
    for _ in range(random.randint(2, MOST_STEPS)):
        await life.goes_on()
    await life.hears_all()
    try:
        await agrees(life)
    except AssertionError as error:
        error.add_note(f"--life {number}: {', '.join(life.history)}")
        raise
    finally:
        await forgotten(sloth, life)


async def agrees(life: Life) -> None:
    """With what Stripe has, and nobody has paid twice."""
    ours = await life.ours()
    found = life.account.subscriptions()
    going_on = life.open_subscriptions()
    assert len(going_on) <= 1
    assert len(life.account.customers()) <= 1
    if going_on:
        assert (ours.status, ours.plan, ours.cancel_at_period_end) == life.expected(going_on[0])
    elif found:
        assert ours.purchase is not None
        assert ours.purchase.status is SubscriptionStatus.CANCELED
        assert ours.status is not SubscriptionStatus.PAST_DUE
        assert not (ours.bought and ours.status.alive)
    assert await life.our_money() == life.their_money()
    invoices = [each.invoice for each in life.account.ledger() if each.kind == "charge"]
    assert len(set(invoices)) == len(invoices)
    customers = [each["id"] for each in life.account.customers()]
    waiting = [await life.process().desk.events.waiting(each) for each in customers]
    assert not any(waiting)


async def forgotten(sloth: AsyncSloth, life: Life) -> None:
    """So that the next one is alone again."""
    async with sloth.services.databases.main.shared() as connection:
        await connection.execute("delete from public.organizations where id = %s", (life.firm,))


@pytest.mark.slow
async def test_a_years_money(sloth: AsyncSloth, request: pytest.FixtureRequest) -> None:
    """`--firms 1000` are many. What nobody heard of is there after the nightly comparison."""
    firms = request.config.getoption("--firms")
    year = Year(sloth.services.databases.main, Random(firms))
    await year.pass_by(firms)
    compared = await year.compare()
    assert compared.firms == len(year.firms) == firms
    assert (await year.compare()).differences == []
    ours, theirs = await year.our_money(), year.their_money()
    assert ours == theirs
    told = f"{firms:,} firms, {len(year.account.ledger()):,} movements, {sum(ours.values())} EUR"
    print(told)  # noqa: T201 - `-rP` shows it
