"""Tenants share the connections to their database."""

from uuid import uuid4

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.database import POOL_SIZE
from sloth_agent.adapters.stores.postgres.shares import Shares
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio


async def test_whoever_wants_all_leaves_some_to_others(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    """Without shares the neighbour is told after ten seconds that the database is away."""
    neighbour = await sloth.tenant(f"n-{uuid4().hex}", create=True)
    enough = anyio.Event()

    async def hold() -> None:
        async with tenant.services.database.inside(tenant.services.schema):
            await enough.wait()

    async with anyio.create_task_group() as group:
        for _ in range(2 * POOL_SIZE):
            group.start_soon(hold)
        await anyio.sleep(0.5)
        with anyio.fail_after(5):
            assert await neighbour.documents() == []
        enough.set()


async def test_who_waits_for_oneself_is_told_so() -> None:
    shares = Shares(1, patience_seconds=0.05)
    async with shares.one("salon"), shares.one("clinic"):
        with pytest.raises(DatabaseUnavailable):
            async with shares.one("salon"):
                """Never."""
    async with shares.one("salon"):
        """It was given back."""
