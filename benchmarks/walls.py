"""What the second wall, a role for each tenant, costs a transaction."""

import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material

from sloth_agent.adapters.stores.postgres.database import Database

ROUNDS = 2_000


async def measure(_: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        tenant = await sloth.tenant()
        both = tenant.services.database
        schema = tenant.services.schema
        # The account owns the tables here, so that one wall can be measured beside two.
        one = replace(both, walls=None)
        spent: dict[int, list[float]] = {1: [], 2: []}
        for _round in range(ROUNDS):  # in turns, so that both meet the same machine
            for walls, database in ((1, one), (2, both)):
                started = time.perf_counter()
                await transaction(database, schema)
                spent[walls].append((time.perf_counter() - started) * 1000)
    yield Figure(
        part="walls",
        name="a transaction with both walls",
        value=statistics.median(spent[2]),
        unit="ms",
        wanted="<= 1.1x",
        baseline=statistics.median(spent[1]),
        baseline_name="one wall",
    )


async def transaction(database: Database, schema: str) -> None:
    """As short as they get: the relative cost is the highest here."""
    async with database.inside(schema) as connection:
        await connection.execute("select id, title from documents where source = 'x'")
