"""All that an install holds, in a form in which two runs can be compared."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.embedded import Attachment

Facts = dict[str, list[str]]

_CHANCE = {
    r"t_[0-9a-f]{32}": "SCHEMA",
    r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}": "ID",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?\+\d\d(:\d\d)?": "TIME",
}

_CATALOG = {
    "owner and rights": "select nspowner::regrole, nspacl from pg_namespace where nspname = %s",
    "rights by default": "select defaclobjtype, defaclacl from pg_default_acl"
    " where defaclnamespace = to_regnamespace(%s)",
    "tables": "select relname, relkind, relowner::regrole, relacl, relrowsecurity from pg_class"
    " where relnamespace = to_regnamespace(%s)",
    "columns": "select attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull"
    " from pg_attribute join pg_class on pg_class.oid = attrelid"
    " where relnamespace = to_regnamespace(%s) and attnum > 0 and not attisdropped",
    "indexes": "select indexdef from pg_indexes where schemaname = %s",
    "constraints": "select conrelid::regclass, conname, pg_get_constraintdef(oid)"
    " from pg_constraint where connamespace = to_regnamespace(%s)",
    "memberships": "select roleid::regrole, inherit_option, set_option from pg_auth_members"
    " where member = to_regrole(%s)",
}


@dataclass(frozen=True, slots=True)
class WholeInstall:
    """One on the embedded server, looked at from outside."""

    attachment: Attachment

    @property
    def files(self) -> Path:
        return self.attachment.home / "files"

    def connect(self) -> psycopg.Connection:
        """Also after the server was killed."""
        return psycopg.connect(self.attachment.revive(), autocommit=True)

    def tenant(self, slug: str) -> Facts:
        """Everything that is kept of a tenant, without what is different each time."""
        with self.connect() as connection:
            found = connection.execute(
                "select id, schema_name from public.organizations where slug = %s", (slug,)
            )
            id, schema = found.fetchone() or (None, "")
            facts: Facts = {
                **_catalog(connection, schema),
                **{
                    table: _rows(connection, schema, table) for table in _tables(connection, schema)
                },
                **_mentions(connection, "organization_id", id),
                **_mentions(connection, "schema_name", schema),
                "organization": _rows(connection, "public", "organizations", slug=slug),
                "files": self._contents(schema),
            }
        return _comparable(facts, slug)

    def shared(self) -> Facts:
        """What all tenants share."""
        with self.connect() as connection:
            versions = _rows(connection, "public", "schema_versions")
            return _comparable({**_catalog(connection, "public"), "versions": versions})

    def history(self, organization: object) -> Sequence[str]:
        """What the audit log tells of a tenant, perhaps of one that is gone."""
        with self.connect() as connection:
            found = connection.execute(
                "select action from public.audit_log where organization_id = %s order by id",
                (organization,),
            )
            return [action for (action,) in found.fetchall()]

    def strays(self) -> set[str]:
        """Whatever belongs to no tenant that is here and whole."""
        with self.connect() as connection:
            tenants = _names(connection, "select schema_name from public.organizations")
            open_ones = _names(
                connection, "select schema_name from public.organizations where stage = 'live'"
            )
            kept = _names(connection, "select nspname from pg_namespace where nspname ~ '^t_'")
            kept |= _names(connection, "select rolname from pg_roles where rolname ~ '^t_'")
            for table in _tables_with(connection, "schema_name"):
                kept |= _names(connection, f"select schema_name from public.{table}")
        folders = {folder.name for folder in self.files.glob("t_*")}
        twins = {str(path) for path in self.files.rglob(".*")}
        return ((kept | folders) - open_ones) | (tenants - open_ones) | twins

    def _contents(self, schema: str) -> list[str]:
        return [
            f"{path.name} {sha256(path.read_bytes()).hexdigest()}"
            for path in (self.files / schema).rglob("*")
            if schema and path.is_file()
        ]


def differences(one: Sequence[Facts], other: Sequence[Facts]) -> list[str]:
    """What one has and the other has not, short enough to be read."""
    return [
        f"{kind}: {row}"
        for here, there in zip(one, other, strict=True)
        for kind in sorted(here.keys() | there.keys())
        for row in sorted((Counter(here.get(kind)) - Counter(there.get(kind))).elements())
        + sorted((Counter(there.get(kind)) - Counter(here.get(kind))).elements())
    ]


def _catalog(connection: psycopg.Connection, schema: str) -> Facts:
    return {
        kind: [str(row) for row in connection.execute(question.encode(), (schema,))]
        for kind, question in _CATALOG.items()
    }


def _tables(connection: psycopg.Connection, schema: str) -> set[str]:
    return _names(connection, "select tablename from pg_tables where schemaname = %s", schema)


def _tables_with(connection: psycopg.Connection, column: str) -> set[str]:
    return _names(
        connection,
        "select table_name from information_schema.columns"
        " where table_schema = 'public' and column_name = %s",
        column,
    )


def _mentions(connection: psycopg.Connection, column: str, value: object) -> Facts:
    """Rows of tables that are shared, by the column that names the tenant."""
    return {
        f"public.{table}": _rows(connection, "public", table, **{column: value})
        for table in _tables_with(connection, column)
    }


def _rows(connection: psycopg.Connection, schema: str, table: str, **where: object) -> list[str]:
    statement = sql.SQL("select to_jsonb(kept)::text from {} as kept").format(
        sql.Identifier(schema, table)
    )
    for column in where:
        statement += sql.SQL(" where {} = %s").format(sql.Identifier(column))
    return [row for (row,) in connection.execute(statement, [*where.values()])]


def _names(connection: psycopg.Connection, question: str, *values: Any) -> set[str]:
    return {name for (name,) in connection.execute(question.encode(), values)}


def _comparable(facts: Facts, slug: str | None = None) -> Facts:
    """Sorted, and without what differs each time."""
    chance = _CHANCE if slug is None else {slug: "SLUG", **_CHANCE}

    def without(row: str) -> str:
        for pattern, word in chance.items():
            row = re.sub(pattern, word, row)
        return row

    return {kind: sorted(map(without, rows)) for kind, rows in facts.items()}
