"""Answers that are written while they are made, and clients that leave meanwhile."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Mapping
from typing import Any, TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def close(parts: AsyncIterable[object]) -> None:
    if isinstance(parts, AsyncGenerator):
        await parts.aclose()


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """Do a work for a client that waits for it; it is cancelled where the client leaves.

    Raises:
        ClientDisconnect: the client has left; nobody hears what is answered.
    """
    results: list[Result] = []
    failures: list[Exception] = []

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            results.append(await work)
        except Exception as error:  # noqa: BLE001 - raised again below, by itself and not in a group
            failures.append(error)
        group.cancel_scope.cancel()
    if failures:
        raise failures[0]
    if not results:
        raise ClientDisconnect
    return results[0]
