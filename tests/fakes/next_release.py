"""The release after this one: each history has one more step.

Put where Python looks for `sitecustomize`, it is what every command runs.
"""

import sys
from collections.abc import Mapping

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.migrations.history import (
    History,
    Migration,
    head,
    migrations,
)

STATEMENTS: Mapping[History, tuple[str, ...]] = {
    "control": ("create table public.next_control (id uuid primary key)",),
    "working": ("create table public.next_working (schema_name text primary key)",),
    "tenant": (
        "create table visits (id uuid primary key, at timestamptz not null)",
        "create index on visits (at)",
        "select pg_sleep(0.005)",  # tables of firms that have some rows
        "alter table documents add column visits integer not null default 0",
    ),
}

HEADS = {name: head(name) for name in STATEMENTS}


def install() -> None:
    """Make this process one of the next release."""
    until_now = migrations

    def with_next(name: History) -> tuple[Migration, ...]:
        step = Migration(version=HEADS[name] + 1, name="next.sql", statements=STATEMENTS[name])
        return (*until_now(name), step)

    for module in list(sys.modules.values()):  # wherever it is known by now
        if getattr(module, "migrations", None) is until_now:
            module.migrations = with_next  # type: ignore[attr-defined]


def take_back(connection: psycopg.Connection) -> None:
    """Bring a database back to this release."""
    connection.execute("drop table if exists public.next_control, public.next_working")
    for name in ("control", "working"):
        connection.execute(
            "delete from public.schema_versions where history = %s and version > %s",
            (name, HEADS[name]),
        )
    taken = connection.execute(
        "delete from public.tenant_versions where version > %s returning schema_name",
        (HEADS["tenant"],),
    )
    for (schema,) in taken.fetchall():
        tenant = sql.Identifier(schema)
        connection.execute(sql.SQL("drop table {}.visits").format(tenant))
        connection.execute(sql.SQL("alter table {}.documents drop column visits").format(tenant))
