"""A bot's messages keep to what its messenger lets through."""

import anyio
import pytest

from sloth_agent.adapters.channels.paces import LONGEST_WAIT_SECONDS, Paces
from sloth_agent.errors import RateLimited

pytestmark = pytest.mark.anyio


async def test_one_chat_waits_and_others_do_not() -> None:
    paces = Paces(seconds=0.001, chat_seconds=0.2)
    order: list[str] = []

    async def send(chat: str) -> None:
        async with paces.turn(chat):
            order.append(chat)

    async with anyio.create_task_group() as group:
        for chat in ("anna", "anna", "ben"):
            group.start_soon(send, chat)
    assert sorted(order[:2]) == ["anna", "ben"]
    assert order[2] == "anna"


async def test_nothing_else_is_on_its_way() -> None:
    paces = Paces(seconds=0.0, chat_seconds=0.0)
    together = most = 0

    async def send(chat: str) -> None:
        nonlocal together, most
        async with paces.turn(chat):
            together += 1
            most = max(most, together)
            await anyio.sleep(0.001)
            together -= 1

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(send, str(number))
    assert most == 1


async def test_a_pause_that_the_messenger_asks_for_is_kept_by_all_chats() -> None:
    now = 0.0
    paces = Paces(seconds=0.0, chat_seconds=0.0, now=lambda: now)
    paces.pause(60)
    for chat in ("anna", "ben"):
        with pytest.raises(RateLimited) as put_off:
            async with paces.turn(chat):
                pass
        assert put_off.value.details["retry_after_seconds"] == 60
    now = 60.0 - LONGEST_WAIT_SECONDS / 1000
    async with paces.turn("anna"):
        pass
