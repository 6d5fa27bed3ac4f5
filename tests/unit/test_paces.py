"""A bot's messages keep to what its messenger lets through."""

import anyio
import pytest

from sloth_agent.adapters.channels.paces import LONGEST_WAIT_SECONDS, MINUTE, Pace, Paces
from sloth_agent.errors import RateLimited

pytestmark = pytest.mark.anyio


async def test_one_chat_waits_and_others_do_not() -> None:
    paces = Paces(seconds=0.001, pace_of=lambda _: Pace(0.2))
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
    paces = Paces(seconds=0.0, pace_of=lambda _: Pace(0.0))
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


async def test_a_pause_that_the_messenger_asks_for_is_kept_in_its_chat() -> None:
    """One busy group must not silence a bot for everybody."""
    now = 0.0
    paces = Paces(seconds=0.0, pace_of=lambda _: Pace(0.0), now=lambda: now)
    paces.pause("anna", 60)
    for is_message in (True, False):
        with pytest.raises(RateLimited) as put_off:
            async with paces.turn("anna", is_message=is_message):
                pass
        assert put_off.value.details["retry_after_seconds"] == 60
    async with paces.turn("ben"):
        pass
    now = 60.0 - LONGEST_WAIT_SECONDS / 1000
    async with paces.turn("anna"):
        pass


async def test_where_two_chats_are_put_off_at_once_all_are() -> None:
    now = 0.0
    paces = Paces(seconds=0.0, pace_of=lambda _: Pace(0.0), now=lambda: now)
    paces.pause("anna", 5)
    now = 10.0
    paces.pause("ben", 60)
    async with paces.turn("carl"):
        pass
    paces.pause("carl", 30)
    with pytest.raises(RateLimited) as put_off:
        async with paces.turn("dora"):
            pass
    assert put_off.value.details["retry_after_seconds"] == 30


async def test_a_group_has_only_so_many_in_a_minute() -> None:
    now = 0.0
    paces = Paces(seconds=0.0, pace_of=lambda _: Pace(0.0, most_a_minute=3), now=lambda: now)
    for second in (0.0, 1.0, 2.0):
        now = second
        async with paces.turn("group"):
            pass
    for _ in range(2):
        with pytest.raises(RateLimited) as put_off:
            async with paces.turn("group"):
                pass
        assert put_off.value.details["retry_after_seconds"] == MINUTE - 2
    async with paces.turn("another"):
        pass
    now = MINUTE
    async with paces.turn("group"):
        pass
