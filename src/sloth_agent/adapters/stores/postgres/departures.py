"""Where tenants went that have left a database."""

from dataclasses import replace

from sloth_agent.adapters.stores.postgres.database import Connection
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.tenants.models import Organization


async def whereabouts(homes: Databases, organization: Organization) -> Organization:
    """The tenant with the place where it lives by now.

    The control tables are told of a move after it has happened: until then, or for whoever read
    them earlier, the way leads from one database to the next.
    """
    while True:
        home = await homes.home_of(organization)
        async with home.shared() as connection:
            next_home = await departed(connection, organization)
        if next_home == organization:
            return organization
        organization = next_home


async def departed(connection: Connection, organization: Organization) -> Organization:
    """The tenant as it left the database where it was thought to live; as given if it did not."""
    found = await connection.execute(
        "select database, moves from public.departures where schema_name = %s and moves > %s",
        (organization.schema_name, organization.moves),
    )
    row = await found.fetchone()
    return replace(organization, database=row[0], moves=row[1]) if row else organization


async def write_departure(connection: Connection, moved: Organization) -> None:
    await connection.execute(
        "insert into public.departures (schema_name, database, moves) values (%s, %s, %s)"
        " on conflict (schema_name) do update set database = excluded.database,"
        " moves = excluded.moves",
        (moved.schema_name, moved.database, moved.moves),
    )
