"""Texts that exist nowhere else, and where they are found."""

from sloth_agent.app.sloth import AsyncTenant


async def places_of(tenant: AsyncTenant, *canaries: str) -> list[str]:
    """The tables in the whole database of a tenant that hold one of the texts."""
    places = []
    async with tenant.services.database.owning() as connection:
        tables = await connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname = 'public' or schemaname like 't\\_%%'",
        )
        for schema, table in await tables.fetchall():
            found = await connection.execute(
                f'select count(*) from "{schema}"."{table}" as kept'
                " where kept::text like any(%s)".encode(),
                ([f"%{canary}%" for canary in canaries],),
            )
            if (await found.fetchone() or (0,))[0]:
                places.append(f"{schema}.{table}")
    return places
