"""Accounts as hosters give them: a login of its own that is no superuser, on its own database."""

from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo


def own_account(server: str) -> str:
    """The address of a new one on a server whose superuser's address is given."""
    name = f"host_{uuid4().hex[:16]}"
    with psycopg.connect(server, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        connection.execute(sql.SQL("create role {} login createrole").format(identifier))
        connection.execute(sql.SQL("create database {0} owner {0}").format(identifier))
    address = make_conninfo(server, dbname=name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("create extension if not exists vector schema public")
    return make_conninfo(address, user=name)
