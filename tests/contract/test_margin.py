"""What each firm pays and costs in a month, over all databases."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.bodies.billing import margin_body
from sloth_agent.app.wiring import Services
from sloth_agent.billing.costs import Bill, Spent
from sloth_agent.billing.margin import FirmMargin, MarginReport
from sloth_agent.billing.prices import CostKind
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

BY = Actor(name="cli:anna")
OCTOBER = date(2026, 10, 1)
NOVEMBER = date(2026, 11, 1)
DECEMBER = date(2026, 12, 1)


def moment(month: date, day: int) -> datetime:
    return datetime(month.year, month.month, day, 12, tzinfo=UTC)


@pytest.fixture
async def sloth(server: Attachment, tmp_path: Path) -> AsyncIterator[AsyncSloth]:
    """An install of its own, over two databases."""
    urls = {}
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for name in ("main", "eu"):
            database = f"{name}_{uuid4().hex[:16]}"
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            urls[name] = SecretStr(make_conninfo(server.conninfo, dbname=database))
    settings = Settings(
        home=tmp_path,
        embedder="none",
        chat="extractive",
        database_url=urls["main"],
        databases={"eu": urls["eu"]},
    )
    async with AsyncSloth(settings) as sloth:
        yield sloth


def on(sloth: AsyncSloth, day: datetime) -> Services:
    """The install as it is on a day."""
    return sloth.services.at(lambda: day)


async def costing(
    sloth: AsyncSloth, slug: str, cost: str, *, month: date = NOVEMBER, unpriced: int = 0
) -> None:
    spent = Spent(
        kind=CostKind.CHAT,
        model="acme/one",
        calls=2,
        input_tokens=100,
        output_tokens=20,
        estimated_tokens=0,
        unpriced_calls=unpriced,
        cost=Decimal(cost),
    )
    store = (await sloth.tenant(slug)).services.costs.store
    await store.add(Bill(month=month, currency="USD", spent=(spent,)))


async def margins(
    sloth: AsyncSloth, month: date = NOVEMBER, *, day: datetime | None = None
) -> dict[str, FirmMargin]:
    report = await on(sloth, day or moment(DECEMBER, 24)).margins.report(month)
    return {firm.payer.slug: firm for firm in report.firms}


async def test_revenue_is_what_was_paid_and_nothing_that_was_given(sloth: AsyncSloth) -> None:
    services = on(sloth, moment(NOVEMBER, 10))
    firms = {name: await sloth.create_tenant(name) for name in ("month", "year", "code", "ever")}
    await sloth.create_tenant("nothing")
    for name, plan in (("trial", "starter"), ("free", "free")):
        await services.organizations_on(plan, by=BY).create(name)
    activate = services.subscriptions.activate
    await activate(firms["month"].id, "starter", by=BY)
    await activate(firms["year"].id, "starter", cycle=BillingCycle.YEARLY, by=BY)
    await activate(firms["ever"].id, "starter", days=0, by=BY)
    [code] = await services.codes.generate("starter", days=90, by=BY)
    await services.codes.redeem(firms["code"].id, code, by=BY)

    found = await margins(sloth, day=moment(NOVEMBER, 20))
    assert {name: firm.payer.revenue for name, firm in found.items()} == {
        "month": Decimal("29.00"),
        "year": Decimal("24.17"),  # 290 / 12 = 24.1666...
        "code": 0,
        "ever": 0,
        "trial": 0,
        "free": 0,
        "nothing": 0,
    }
    assert found["trial"].payer.status is SubscriptionStatus.TRIALING
    assert (found["nothing"].payer.plan, found["nothing"].currency) == (None, "USD")


async def test_a_month_that_is_paid_counts_once_and_stays_as_it_was(sloth: AsyncSloth) -> None:
    """Bought on 10 October for a month, lifted on 5 November, over on 5 December."""
    firm = await sloth.create_tenant("firm")
    bought = on(sloth, moment(OCTOBER, 10)).subscriptions
    await bought.activate(firm.id, "starter", by=BY)
    lifted = on(sloth, moment(NOVEMBER, 5)).subscriptions
    await lifted.activate(firm.id, "professional", by=BY)
    await lifted.cancel(firm.id, by=BY)

    def revenue(found: dict[str, FirmMargin]) -> tuple[str | None, Decimal]:
        return found["firm"].payer.plan, found["firm"].payer.revenue

    day = moment(DECEMBER, 24)
    assert revenue(await margins(sloth, date(2026, 9, 1), day=day)) == (None, Decimal(0))
    assert revenue(await margins(sloth, OCTOBER, day=day)) == ("starter", Decimal("29.00"))
    assert revenue(await margins(sloth, NOVEMBER, day=day)) == ("professional", Decimal("99.00"))
    await on(sloth, moment(date(2027, 2, 1), 1)).subscriptions.settle()
    january = await margins(sloth, date(2027, 1, 1), day=moment(date(2027, 2, 1), 2))
    assert january["firm"].payer.revenue in {Decimal("29.00"), Decimal(0)}
    march = await margins(sloth, date(2027, 3, 1), day=moment(date(2027, 3, 1), 20))
    assert march["firm"].payer.status is SubscriptionStatus.CANCELED
    assert march["firm"].payer.revenue == 0


async def test_who_costs_more_than_it_pays_is_marked_wherever_it_lives(sloth: AsyncSloth) -> None:
    for name in ("cheap", "dear", "nobody"):
        await sloth.create_tenant(name)
    assert {organization.database for organization in await sloth.tenants()} == {"main", "eu"}
    services = on(sloth, moment(NOVEMBER, 10))
    for name in ("cheap", "dear"):
        firm = await sloth.show_tenant(name)
        await services.subscriptions.activate(firm.id, "starter", by=BY)
    await costing(sloth, "cheap", "10.00005")
    await costing(sloth, "dear", "40")
    await costing(sloth, "dear", "1000", month=OCTOBER)
    await costing(sloth, "nobody", "0.00001", unpriced=1)

    found = await margins(sloth, day=moment(NOVEMBER, 20))
    # At 0.90 euro a dollar; 9.000045 is rounded once, to 9.0000.
    assert (found["cheap"].cost, found["cheap"].margin) == (Decimal("9.0000"), Decimal("20.0000"))
    assert (found["dear"].cost, found["dear"].margin) == (Decimal("36.0000"), Decimal("-7.0000"))
    assert {name for name, firm in found.items() if firm.loss} == {"dear"}
    assert found["nobody"].unpriced_calls == 1

    report = await on(sloth, moment(NOVEMBER, 20)).margins.report()
    [euro, dollar] = report.totals
    assert (euro.currency, euro.firms, euro.losses) == ("EUR", 2, 1)
    assert (str(euro.revenue), str(euro.cost), str(euro.margin)) == ("58.00", "45.0000", "13.0000")
    assert (dollar.currency, dollar.firms, dollar.unpriced_calls) == ("USD", 1, 1)
    body = margin_body(report)
    assert body["month"] == "2026-11"
    cheap = next(firm for firm in body["firms"] if firm["tenant"] == "cheap")
    assert (cheap["revenue"], cheap["cost"], cheap["margin"]) == ("29.00", "9.0000", "20.0000")
    [model] = cheap["models"]
    assert (model["model"], model["calls"], model["cost"]) == ("acme/one", 2, "10.00005")


async def test_without_a_rate_the_cost_is_not_known_in_that_currency(sloth: AsyncSloth) -> None:
    firm = await sloth.create_tenant("firm")
    await on(sloth, moment(NOVEMBER, 10)).subscriptions.activate(firm.id, "starter", by=BY)
    await costing(sloth, "firm", "40")
    services = on(sloth, moment(NOVEMBER, 20))
    services.backends.__dict__["prices"] = type(services.backends.prices)(
        currency="USD", rates={}, prices={}
    )
    report: MarginReport = await services.margins.report()
    [found] = report.firms
    assert (found.cost, found.margin, found.loss) == (None, None, False)
    assert (report.totals[0].cost, report.totals[0].margin) == (None, None)
    assert margin_body(report)["firms"][0]["models"][0]["cost"] == "40"


async def test_a_month_that_has_not_begun_is_refused(sloth: AsyncSloth) -> None:
    with pytest.raises(InvalidInput, match="2026-12 has not begun"):
        await margins(sloth, DECEMBER, day=moment(NOVEMBER, 30))


async def test_paid_time_stays_apart_from_given_time(sloth: AsyncSloth) -> None:
    """A code after a payment: the months of the code bring nothing."""
    firm = await sloth.create_tenant("firm")
    start = moment(OCTOBER, 10)
    services = on(sloth, start)
    await services.subscriptions.activate(firm.id, "starter", days=30, by=BY)
    [code] = await services.codes.generate("starter", days=90, by=BY)
    both = await services.codes.redeem(firm.id, code, by=BY)
    assert (both.paid, both.current_period_end) == (True, start + timedelta(days=30))
    assert [(grant.paid, grant.length) for grant in both.later] == [(False, timedelta(days=90))]
    day = moment(DECEMBER, 24)
    paid = {month: (await margins(sloth, month, day=day))["firm"] for month in (OCTOBER, NOVEMBER)}
    assert paid[OCTOBER].payer.revenue == 29
    await on(sloth, moment(NOVEMBER, 10)).subscriptions.settle()


async def test_costs_that_nobody_can_ask_for_are_unknown(sloth: AsyncSloth) -> None:
    """They are not 0: a firm would look like a gain."""
    firms = [await sloth.create_tenant(name) for name in ("here", "there")]
    assert [firm.database for firm in firms] == ["main", "eu"]
    for firm in firms:
        await sloth.subscriptions.activate(firm.id, "starter", by=BY)
        await costing(sloth, firm.slug, "3.00", month=DECEMBER)
    named = sloth.settings.databases["eu"].get_secret_value()
    away = SecretStr(make_conninfo(named, port="1"))
    for databases in ({}, {"eu": away}):
        fewer = sloth.settings.model_copy(update={"databases": databases})
        async with AsyncSloth(fewer) as without:
            services = on(without, moment(DECEMBER, 24))
            body = margin_body(await services.margins.report(DECEMBER))
        assert body["unread_databases"] == ["eu"]
        costs = {firm["tenant"]: (firm["cost"], firm["margin"]) for firm in body["firms"]}
        assert costs["here"][0] is not None
        assert costs["there"] == (None, None)
        assert body["totals"][0]["cost"] is None
    assert (await sloth.margins.report()).unread_databases == []
