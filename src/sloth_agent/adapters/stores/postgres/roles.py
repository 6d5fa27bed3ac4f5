"""Roles that nobody logs in with: the walls of the database."""

import hashlib

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Walls


def walls_of(database: str) -> Walls:
    """Named after the database, since roles belong to the whole server."""
    name = database
    if len(name.encode()) > 40:  # a name longer than 63 bytes would be cut
        name = hashlib.sha256(name.encode()).hexdigest()[:32]
    return Walls(platform=f"sloth_platform_{name}", tenants=f"sloth_tenants_{name}")


def new_role(role: str) -> sql.Composed:
    return sql.SQL("create role {} nologin").format(sql.Identifier(role))


def take_role(role: str) -> sql.Composed:
    """Let the account take a role for a transaction, without any of its rights otherwise."""
    return sql.SQL("grant {} to current_user with inherit false, set true").format(
        sql.Identifier(role)
    )
