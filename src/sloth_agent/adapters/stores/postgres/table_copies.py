"""Rows of any table as text that every PostgreSQL reads: a line each, cells between tabs."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import LiteralString

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection
from sloth_agent.errors import ArchiveRefused
from sloth_agent.tenants.archive_parts import Column, TableRows

Columns = Mapping[str, tuple[Column, ...]]

WORKING_TABLES: Mapping[str, tuple[str, ...]] = {
    "usage": ("resource", "since", "used"),
    "costs": (
        "month",
        "currency",
        "kind",
        "model",
        "calls",
        "input_tokens",
        "output_tokens",
        "estimated_tokens",
        "unpriced_calls",
        "cost",
    ),
}
"""Tables in `public` that hold rows of all tenants, told apart by their column `schema_name`, and
the columns of them that go where the tenant goes. What is reserved is for work of this install."""

SECRETS: Mapping[str, Collection[str]] = {"integrations": ("credentials", "staff_code")}
"""Columns of a tenant's tables that are of use in this install alone; they may be null."""

ONE_MOMENT: LiteralString = "; set transaction isolation level repeatable read, read only"

AS_TEXT: LiteralString = (
    "; set local datestyle = 'ISO'; set local timezone = 'UTC'"
    "; set local intervalstyle = 'iso_8601'; set local extra_float_digits = 1"
    "; set local bytea_output = 'hex'"
)

TENANT = "schema_name"


async def columns_of(connection: Connection, schema: str) -> Columns:
    """All tables of a schema but its door, whoever made them; those that others refer to are
    older."""
    found = await connection.execute(
        "select relname, attname, format_type(atttypid, atttypmod)"
        " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " join pg_attribute on attrelid = pg_class.oid"
        " where nspname = %s and relkind in ('r', 'p') and relname !~ '^door_[0-9]+$'"
        " and attnum > 0 and not attisdropped"
        " and attgenerated = '' order by pg_class.oid, attnum",
        (schema,),
    )
    tables: dict[str, tuple[Column, ...]] = {}
    for table, name, type in await found.fetchall():
        tables[table] = (*tables.get(table, ()), Column(name, type))
    return tables


async def working_columns(connection: Connection) -> Columns:
    """Of the tables that all tenants of a database share."""
    public = await columns_of(connection, "public")
    return {
        table: tuple(column for column in public[table] if column.name in names)
        for table, names in WORKING_TABLES.items()
    }


async def copied_out(
    connection: Connection,
    table: sql.Identifier,
    columns: Sequence[Column],
    *,
    schema: str | None = None,
    hidden: Collection[str] = (),
) -> AsyncIterator[bytes]:
    """The rows of a table, or of one tenant in it; columns that are hidden are null."""
    values = sql.SQL(", ").join(
        sql.NULL if column.name in hidden else sql.Identifier(column.name) for column in columns
    )
    rows = sql.SQL("select {} from {}").format(values, table)
    if schema is not None:
        rows += sql.SQL(" where {} = {}").format(sql.Identifier(TENANT), schema)
    statement = sql.SQL("copy ({}) to stdout (encoding 'UTF8')").format(rows)
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        async for row in copy:
            yield bytes(row)


async def copied_in(
    connection: Connection,
    table: sql.Identifier,
    columns: Sequence[Column],
    lines: AsyncIterator[bytes],
    *,
    under_tenant: bool = False,
) -> int:
    """How many rows it took."""
    names = names_of([Column(TENANT, "text"), *columns] if under_tenant else columns)
    statement = sql.SQL("copy {} ({}) from stdin (encoding 'UTF8')").format(table, names)
    async with connection.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            async for piece in lines:
                await copy.write(piece)
        return cursor.rowcount


def check_count(table: TableRows, rows: int) -> None:
    """Raises:
    ArchiveRefused: the database found other rows than those that were counted.
    """
    if rows != table.rows:
        raise ArchiveRefused(f"The archive's table {table.name} does not hold the rows it should.")


async def under_tenant(schema: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Rows with the tenant's name before them; a line ends nowhere but at the end of a row."""
    cell = schema.encode() + b"\t"
    begins = True
    async for piece in pieces:
        lines = piece.splitlines(keepends=True)
        yield b"".join(
            cell + line if begins or number else line for number, line in enumerate(lines)
        )
        begins = piece.endswith(b"\n")


def names_of(columns: Sequence[Column]) -> sql.Composed:
    """Side by side, as statements list them."""
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
