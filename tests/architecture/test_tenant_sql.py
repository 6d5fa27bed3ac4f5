"""The SQL of tenants keeps to what also runs where a Citus coordinator is one of the databases.

Its rules cost nothing on one server; `docs/decisions/0006-business-core.md` says why they are kept.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sloth_agent
from sloth_agent.adapters.stores.postgres.migrations.history import History, migrations
from sloth_agent.app.sloth import AsyncTenant

STORES = Path(sloth_agent.__file__).parent / "adapters" / "stores" / "postgres"

NOT_IN_MIGRATIONS = {
    "functions and anonymous blocks make local objects": r"create (or replace )?function|\bdo \$",
    "triggers": r"create (constraint )?trigger",
    "sequences": r"\bserial\b|bigserial|create sequence|generated .* as identity",
    "keys to shared tables": r"references public\.",
}

NOT_IN_STATEMENTS = {
    "INSERT reading a table without a leading WITH": r"^\s*insert into [^;]*\)\s*select\b",
    "the server's time in an update": r"\bset\b[^;]*\b(now\(\)|current_timestamp|clock_timestamp)",
    "random values made by the server": r"gen_random_uuid|\brandom\(\)",
    "a subquery in VALUES": r"values\s*\([^)]*\(\s*select\b",
    "MERGE": r"\bmerge into\b",
    "a plain SET, which outlives its transaction": r"(^|;)\s*set (?!local\b)\w+\b.*(to|=)",
}


def statements() -> Iterator[tuple[str, str]]:
    """Every text in the stores' code that looks like SQL, and the file it stands in."""
    for path in sorted(STORES.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            text = _text(node)
            if re.match(r"\s*(with|select|insert|update|delete|merge|set|;)\b", text):
                yield path.name, text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""


@pytest.mark.parametrize("rule", NOT_IN_MIGRATIONS)
@pytest.mark.parametrize("history", ["working", "tenant"])
def test_migrations(history: History, rule: str) -> None:
    for migration in migrations(history):
        for statement in migration.statements:
            assert not re.search(NOT_IN_MIGRATIONS[rule], statement, re.IGNORECASE), statement


@pytest.mark.parametrize("rule", NOT_IN_STATEMENTS)
def test_statements(rule: str) -> None:
    found = list(statements())
    assert len(found) > 50, "the texts are found at all"
    for file, text in found:
        assert not re.search(NOT_IN_STATEMENTS[rule], text, re.IGNORECASE | re.DOTALL), (file, text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("INSERT reading a table without a leading WITH", "insert into a (b) select b from c"),
        ("the server's time in an update", "update a set b = now() where c"),
        ("random values made by the server", "update a set b = gen_random_uuid()"),
        ("a subquery in VALUES", "insert into a values (1, (select 2))"),
        ("MERGE", "merge into a using b on true"),
        ("a plain SET, which outlives its transaction", "set search_path to a"),
    ],
)
def test_the_rules_find_what_breaks_them(rule: str, text: str) -> None:
    assert re.search(NOT_IN_STATEMENTS[rule], text, re.IGNORECASE | re.DOTALL)


@pytest.mark.anyio
async def test_the_catalog_of_a_tenant(tenant: AsyncTenant) -> None:
    schema = tenant.services.schema
    async with tenant.services.database.owning() as connection:
        found = await connection.execute(
            "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'r'"
            " and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)",
            (schema,),
        )
        assert await found.fetchall() == [], "tables without a primary key"
        found = await connection.execute(
            "select conname from pg_constraint join pg_class on pg_class.oid = confrelid"
            " where connamespace = %s::regnamespace and relnamespace <> connamespace",
            (schema,),
        )
        assert await found.fetchall() == [], "keys that leave the schema"
        found = await connection.execute(
            "select (select count(*) from pg_proc where pronamespace = %(schema)s::regnamespace),"
            " (select count(*) from pg_class where relnamespace = %(schema)s::regnamespace"
            " and relkind = 'S'),"
            " (select count(*) from pg_trigger join pg_class on pg_class.oid = tgrelid"
            " where relnamespace = %(schema)s::regnamespace and not tgisinternal)",
            {"schema": schema},
        )
        assert await found.fetchone() == (0, 0, 0), "functions, sequences, triggers"


@pytest.mark.anyio
async def test_an_empty_tenant_is_small(tenant: AsyncTenant) -> None:
    """Thousands of them share one catalog and one disk."""
    async with tenant.services.database.owning() as connection:
        found = await connection.execute(
            "select sum(pg_relation_size(oid)), count(*) from pg_class"
            " where relnamespace = %s::regnamespace",
            (tenant.services.schema,),
        )
        size, relations = await found.fetchone() or (0, 0)
    assert size <= 512 * 1024
    assert relations <= 49
