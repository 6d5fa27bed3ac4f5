"""A tenant that moves to another database is the same there, and was nowhere in between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from fakes.channels import CANARY, chat_with, connected, sent_file, token_of
from fakes.hashing_embedder import HashingEmbedder
from fakes.pictures import png
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
QUESTION = "How much is a haircut?"


@pytest.fixture
def settings(server: Attachment, tmp_path: Path) -> Settings:
    """An install with two empty databases."""
    urls = {}
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for name in ("main", "eu"):
            database = f"{name}_{uuid4().hex[:16]}"
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            urls[name] = SecretStr(make_conninfo(server.conninfo, dbname=database))
    return Settings(
        home=tmp_path,
        embedder="none",
        chat="extractive",
        database_url=urls["main"],
        databases={"eu": urls["eu"]},
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[AsyncSloth]:
    """A process with vectors that need no model."""
    async with AsyncSloth(settings) as sloth:
        sloth.services.backends.__dict__["embedder"] = HashingEmbedder()
        yield sloth


@pytest.fixture
async def sloth(settings: Settings) -> AsyncIterator[AsyncSloth]:
    async with opened(settings) as sloth:
        yield sloth


@pytest.fixture
async def tenant(sloth: AsyncSloth) -> AsyncTenant:
    """One in the main database, with something in every table."""
    await sloth.create_tenant("anna")
    tenant = await sloth.tenant("anna")
    for number in range(20):
        content = f"# Prices {number}\n\nA haircut of kind {number} costs {number}0 euro.\n"
        await tenant.ingest_content(f"prices-{number}.md", content.encode())
    await tenant.add_photo("Двері \u2028.png", png())
    bot = await connected(tenant, settings={"Ім'я": "\u2028"})
    await sent_file(tenant, await chat_with(tenant, bot, "anna"), b"%PDF-1.7", name="Договір.pdf")
    await tenant.set_prompt(instructions="Answer like a friend.\nAnd \\N briefly.")
    await tenant.change_profile(business_name="Анна \u2028\u0085")
    await tenant.chat(QUESTION)
    return tenant


async def all_rows(database: Database, schema: str) -> dict[str, list[Any]]:
    """What the tenant has in a database, working tables included; its door is not counted."""
    async with database.owning() as connection:
        found = await connection.execute(
            "select schemaname, tablename from pg_tables where schemaname = %s"
            " and tablename !~ '^door_' or schemaname = 'public' and tablename in"
            " (select table_name from information_schema.columns"
            " where column_name = 'schema_name')"
            " and tablename not in ('organizations', 'departures')",
            (schema,),
        )
        rows = {}
        for place, table in await found.fetchall():
            kept = await connection.execute(
                sql.SQL("select kept::text from {} as kept {} order by 1").format(
                    sql.Identifier(place, table),
                    sql.SQL("where schema_name = {}").format(schema)
                    if place == "public"
                    else sql.SQL(""),
                )
            )
            if texts := [text for (text,) in await kept.fetchall()]:
                rows[table] = texts
    return rows


async def contents(sloth: AsyncSloth, tenant: AsyncTenant) -> dict[str, dict[str, list[Any]]]:
    """By the name of each database that holds something of the tenant."""
    databases = await sloth.services.databases.all()
    found = {name: await all_rows(database, tenant.services.schema) for name, database in databases}
    return {name: rows for name, rows in found.items() if rows}


async def test_all_of_it_is_there_and_nothing_is_left(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    asked = await tenant.search(QUESTION)
    before = (await contents(sloth, tenant))["main"]
    carried = await sloth.moving.move("anna", to="eu", by=BY)
    assert carried.organization.database == "eu"
    assert carried.rows > 80
    assert await contents(sloth, tenant) == {"eu": before}
    assert (await sloth.show_tenant("anna")).database == "eu"
    (event,) = await sloth.audit.list(action="tenant.moved")
    assert (event.by, event.subject, event.details) == (BY, "eu", {"previous": "main"})
    for same in (tenant, await sloth.tenant("anna")):
        found = await same.search(QUESTION)
        assert found.passages == asked.passages
        assert (await same.chat(QUESTION)).grounded
        [integration] = await same.integrations()
        assert await token_of(same, integration) == CANARY
    await sloth.moving.move("anna", to="main", by=BY)
    assert set(await contents(sloth, tenant)) == {"main"}
    assert (await tenant.search(QUESTION)).passages == asked.passages


async def test_it_has_both_walls_there(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    await sloth.moving.move("anna", to="eu", by=BY)
    await tenant.rebuild(chunk_size=500)
    await tenant.delete_document((await tenant.documents())[0].id)
    assert (await sloth.upgrade_tenants()).failed == ()
    neighbour = await sloth.create_tenant("ben")
    await sloth.moving.move("ben", to="eu", by=BY)
    database, schema = tenant.services.database, tenant.services.schema
    async with database.owning() as connection:
        found = await connection.execute(
            "select has_table_privilege(%s, %s, 'select'), has_table_privilege(%s, %s, 'select'),"
            " (select pg_get_userbyid(relowner) from pg_class where oid = %s::regclass)",
            (
                *(schema, f"{schema}.chunks"),
                *(neighbour.schema_name, f"{schema}.chunks"),
                f"{schema}.vectors_2",
            ),
        )
        assert await found.fetchone() == (True, False, schema)


async def test_whoever_was_there_before_goes_along(
    settings: Settings, sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    """Another process, which asks the control tables only when it finds the door gone."""
    async with opened(settings) as other_process:
        idle = await other_process.tenant("anna")
        assert len(await idle.documents()) == 20
        for place in ("eu", "main", "eu"):
            await sloth.moving.move("anna", to=place, by=BY)
        assert len(await idle.documents()) == 20
        reply = await idle.chat("How much is a haircut of kind 7?")
        assert "70 euro" in reply.text
        await idle.ingest_content("new.md", b"A perm costs 99 euro.")
    assert (await tenant.search("perm")).passages
    assert set(await contents(sloth, tenant)) == {"eu"}


async def test_nobody_makes_the_tenant_anew_where_it_was(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    known = await sloth.show_tenant("anna")
    await sloth.moving.move("anna", to="eu", by=BY)
    assert await sloth.services.spaces.ensure(known) is False
    assert set(await contents(sloth, tenant)) == {"eu"}


@pytest.mark.usefixtures("tenant")
async def test_refused(sloth: AsyncSloth) -> None:
    with pytest.raises(NotFound, match="no database 'mars'"):
        await sloth.moving.move("anna", to="mars", by=BY)
    with pytest.raises(NotFound, match="no tenant"):
        await sloth.moving.move("nobody", to="eu", by=BY)
    await sloth.moving.move("anna", to="main", by=BY)
    assert await sloth.audit.list(action="tenant.moved") == []


async def test_a_second_move_at_once(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    ends: list[str] = []

    async def move() -> None:
        try:
            await sloth.moving.move("anna", to="eu", by=BY)
        except Conflict:
            ends.append("refused")
        else:
            ends.append("moved")

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(move)
    assert "moved" in ends
    assert len(await sloth.audit.list(action="tenant.moved")) == 1
    assert set(await contents(sloth, tenant)) == {"eu"}


async def test_a_deleted_tenant_leaves_nothing_in_any_database(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    await sloth.moving.move("anna", to="eu", by=BY)
    await sloth.delete_tenant("anna", by=BY)
    assert await contents(sloth, tenant) == {}
    for _, database in await sloth.services.databases.all():
        async with database.owning() as connection:
            found = await connection.execute(
                "select count(*) from public.departures where schema_name = %s",
                (tenant.services.schema,),
            )
            assert await found.fetchone() == (0,)
    with pytest.raises(NotFound):
        await tenant.documents()
