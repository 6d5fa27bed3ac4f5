"""Server-sent events, as the server streams its answers."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]


async def events_of(parts: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """Yield events as soon as they are whole; what breaks off is none."""
    waiting = b""
    async for part in parts:
        *whole, waiting = (waiting + part).split(b"\n\n")
        for block in whole:
            fields = dict(_fields(block))
            if "data" in fields:
                yield Event(fields.get("event", "message"), json.loads(fields["data"]))


def _fields(block: bytes) -> list[tuple[str, str]]:
    """Lines end with a line feed alone: a text may hold what else Unicode ends lines with."""
    lines = [line.partition(":") for line in block.decode().split("\n")]
    return [(name, value.removeprefix(" ")) for name, colon, value in lines if name and colon]
