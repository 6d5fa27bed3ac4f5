"""A copy of a tenant's tables in another database, brought up to date as often as need be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString, Self

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, rows_of_each
from sloth_agent.adapters.stores.postgres.table_copies import columns_of, names_of
from sloth_agent.adapters.stores.postgres.vectors import (
    create_vectors,
    dimensions_of,
    drop_vectors,
    vectors_generation,
)
from sloth_agent.errors import Conflict
from sloth_agent.tenants.archive_parts import Column

Versions = frozenset[str]
"""One line for each row of a table: its key as JSON, a space, the transaction that wrote it."""

EVERYWHERE = sql.SQL("")

_KEYS: LiteralString = (
    "select relname, attname, format_type(atttypid, atttypmod),"
    " exists (select from pg_constraint where confrelid = indrelid and contype = 'f')"
    " from pg_index join pg_class on pg_class.oid = indrelid"
    " join pg_attribute on attrelid = indrelid and attnum = any(indkey)"
    " where indisprimary and relnamespace = %s::regnamespace"
    " order by relname, array_position(indkey, attnum)"
)


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """A table as it is copied: row by row, each known by its primary key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    referenced: bool  # by others, whose rows would go with its own

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    @property
    def generation(self) -> int | None:
        """Of a table of vectors."""
        return vectors_generation(self.name)


@dataclass(slots=True)
class TenantCopy:
    """What the target holds, and of which state of the source."""

    schema: str
    target: Connection
    tables: dict[str, KeyedTable]
    versions: dict[str, Versions]

    @classmethod
    async def begun(cls, schema: str, target: Connection) -> Self:
        """In a schema where the migrations alone have been."""
        tables = await keyed_tables(target, schema)
        for table in tables.values():
            await target.execute(sql.SQL("delete from {}").format(table.identifier))
        return cls(schema, target, tables, dict.fromkeys(tables, frozenset()))

    async def catch_up(self, source: Connection) -> int:
        """Copy what has changed since the last time, at first all; returns how many rows came.

        The source stands still meanwhile, or shows one moment.
        """
        tables = await keyed_tables(source, self.schema)
        await self._follow(tables)
        versions = await row_versions(source, list(tables.values()))
        changes = {
            name: Changes(before=self.versions[name], now=now) for name, now in versions.items()
        }
        for name, table in reversed(tables.items()):
            await _delete(self.target, table, changes[name].gone(table))
        for name, table in tables.items():
            if not self.versions[name]:
                await carry_rows(source, self.target, table.identifier, table.columns)
            else:
                await _change(source, self.target, table, changes[name].changed(table))
                await _add(source, self.target, table, changes[name].added(table))
        self.tables, self.versions = tables, versions
        return sum(len(change.now - change.before) for change in changes.values())

    async def _follow(self, tables: Mapping[str, KeyedTable]) -> None:
        """Make and remove tables of vectors as the source did; no others come or go in a tenant."""
        for name in {*self.tables, *tables}:
            before, now = self.tables.get(name), tables.get(name)
            if before == now:
                continue
            generation = vectors_generation(name)
            if generation is not None:
                await drop_vectors(self.target, generation)
                if now is not None:
                    await _make_vectors(self.target, now, generation)
            else:
                raise upgraded()
            self.versions[name] = frozenset()


def upgraded() -> Conflict:
    return Conflict("The tenant's tables were upgraded meanwhile.", hint="Move it again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Of the rows of one table. What others refer to is changed in place, else replaced."""

    before: Versions
    now: Versions

    def gone(self, table: KeyedTable) -> set[str]:
        was, became = self._keys
        return was - became if table.referenced else was

    def changed(self, table: KeyedTable) -> set[str]:
        was, became = self._keys
        return was & became if table.referenced else set()

    def added(self, table: KeyedTable) -> set[str]:
        was, became = self._keys
        return became - was if table.referenced else became

    @property
    def _keys(self) -> tuple[set[str], set[str]]:
        return _keys(self.before - self.now), _keys(self.now - self.before)


def _keys(versions: Versions) -> set[str]:
    return {version.rpartition(" ")[0] for version in versions}


async def keyed_tables(source: Connection, schema: str) -> dict[str, KeyedTable]:
    """Those that others refer to come first."""
    keys: dict[str, list[Column]] = {}
    referenced = set()
    for table, column, type, is_referenced in await (
        await source.execute(_KEYS, (schema,))
    ).fetchall():
        keys.setdefault(table, []).append(Column(column, type))
        if is_referenced:
            referenced.add(table)
    return {
        name: KeyedTable(name, columns, tuple(keys[name]), name in referenced)
        for name, columns in (await columns_of(source, schema)).items()
    }


async def row_versions(source: Connection, tables: Sequence[KeyedTable]) -> dict[str, Versions]:
    """The rows of all tables, in one round trip.

    A row is never changed in place, but written anew: by another transaction, whose number
    PostgreSQL keeps with it.
    """
    questions = sql.SQL("; ").join(
        sql.SQL(
            "select coalesce(string_agg(json_build_array({key})::text || ' ' || xmin::text,"
            " E'\\n'), '') from {table}"
        ).format(key=names_of(table.key), table=table.identifier)
        for table in tables
    )
    answers = await rows_of_each(source, questions.as_string(source), None)
    return {
        table.name: frozenset(lines.split("\n") if lines else ())
        for table, [(lines,)] in zip(tables, answers, strict=True)
    }


async def carry_rows(
    source: Connection,
    target: Connection,
    table: sql.Identifier,
    columns: Sequence[Column],
    where: sql.Composable = EVERYWHERE,
) -> None:
    """From one database into the other, as PostgreSQL itself holds them."""
    reading = sql.SQL("copy (select {} from {}{}) to stdout (format binary)").format(
        names_of(columns), table, where
    )
    writing = sql.SQL("copy {} ({}) from stdin (format binary)").format(table, names_of(columns))
    async with (
        source.cursor() as here,
        target.cursor() as there,
        here.copy(reading) as rows,
        there.copy(writing) as written,
    ):
        async for row in rows:
            await written.write(row)


async def _delete(target: Connection, table: KeyedTable, keys: set[str]) -> None:
    if keys:
        await target.execute(
            sql.SQL("delete from {}{}").format(table.identifier, _among(table, keys))
        )


async def _add(source: Connection, target: Connection, table: KeyedTable, keys: set[str]) -> None:
    if keys:
        where = _among(table, keys)
        await carry_rows(source, target, table.identifier, table.columns, where)


async def _change(
    source: Connection, target: Connection, table: KeyedTable, keys: set[str]
) -> None:
    if not keys:
        return
    found = await source.execute(
        sql.SQL("select {} from {}{}").format(
            sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier(column.name)) for column in table.columns
            ),
            table.identifier,
            _among(table, keys),
        )
    )
    writing = sql.SQL("insert into {} ({}) values ({}) on conflict ({}) do update set {}").format(
        table.identifier,
        names_of(table.columns),
        sql.SQL(", ").join(sql.SQL(f"%s::{column.type}") for column in table.columns),
        names_of(table.key),
        sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column.name))
            for column in table.columns
        ),
    )
    async with target.cursor() as cursor:
        await cursor.executemany(writing, await found.fetchall())


def _among(table: KeyedTable, keys: set[str]) -> sql.Composed:
    """The rows with one of these keys."""
    values = sql.SQL(", ").join(
        sql.SQL(f"(key->>{number})::{column.type}") for number, column in enumerate(table.key)
    )
    return sql.SQL(" where ({}) in (select {} from jsonb_array_elements({}::jsonb) as key)").format(
        names_of(table.key), values, sql.Literal(f"[{','.join(keys)}]")
    )


async def _make_vectors(target: Connection, table: KeyedTable, generation: int) -> None:
    dimensions = dimensions_of(table.columns[-1].type)
    assert dimensions is not None, "a table of vectors ends with a vector"
    await create_vectors(target, generation, dimensions=dimensions)
