"""Several processes, each with many clients, that redeem one code in the same moment."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import anyio

from sloth_agent import AsyncSloth, Settings, SlothError
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor


def redeem_at_once(
    home: Path, firms: Sequence[TenantId], code: str, *, processes: int
) -> Counter[str]:
    """How often it ended how: `redeemed`, or the code of an error."""
    spawning = get_context("spawn")
    barrier, results = spawning.Barrier(processes), spawning.SimpleQueue()
    rivals = [
        spawning.Process(
            target=_rival, args=(home, firms[number::processes], code, barrier, results.put)
        )
        for number in range(processes)
    ]
    for rival in rivals:
        rival.start()
    ends = sum((Counter(results.get()) for _ in rivals), Counter[str]())
    for rival in rivals:
        rival.join()
    return ends


def _rival(
    home: Path, firms: Sequence[TenantId], code: str, barrier: Barrier, tell: "partial[None]"
) -> None:
    tell(anyio.run(_redeem, home, firms, code, barrier))


async def _redeem(home: Path, firms: Sequence[TenantId], code: str, barrier: Barrier) -> list[str]:
    ends: list[str] = []

    async def redeem(sloth: AsyncSloth, firm: TenantId) -> None:
        try:
            await sloth.codes.redeem(firm, code, by=Actor(name="test"))
        except SlothError as error:
            ends.append(error.code)
        else:
            ends.append("redeemed")

    settings = Settings(home=home, embedder="none", chat="extractive", database_url=None)
    async with AsyncSloth(settings) as sloth:
        await anyio.to_thread.run_sync(barrier.wait)
        async with anyio.create_task_group() as group:
            for firm in firms:
                group.start_soon(redeem, sloth, firm)
    return ends
