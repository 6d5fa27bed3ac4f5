"""`Idempotency-Key`: a change that comes again is made once, and answered the same."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.responses import StreamingResponse

from sloth_agent.access.models import Repeatable, Reply
from sloth_agent.access.replies import Held
from sloth_agent.errors import InvalidInput
from sloth_agent.server.callers import asked_for, caller_of, counted_as, platform_of
from sloth_agent.server.streaming import close

HEADER = "Idempotency-Key"
CHANGING = {"POST", "PUT", "DELETE"}
LONGEST_KEY = 255
KEY_PATTERN = f"^[!-~]{{1,{LONGEST_KEY}}}$"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Sender = Callable[[Request], Awaitable[str]]


class Repeating(APIRoute):
    """A route whose changes may come again under a key.

    Strangers are refused before what they send is read.
    """

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        takes_keys = bool(CHANGING & (self.methods or set()))
        sender = self.sender()

        async def answer(request: Request) -> Response:
            name = await sender(request)
            key = request.headers.get(HEADER) if takes_keys else None
            if key is None:
                return await handler(request)
            return await _once(request, key, name, handler)

        return answer

    def sender(self) -> Sender:
        """Names whoever sends a request: a key counts for them alone."""
        return _caller if caller_of in asked_for(self) else _stranger


async def _caller(request: Request) -> str:
    return (await caller_of(request)).name


async def _stranger(request: Request) -> str:
    return f"address:{counted_as(request)}"


async def _once(request: Request, key: str, caller: str, handler: Handler) -> Response:
    if not re.fullmatch(KEY_PATTERN, key):
        raise InvalidInput(
            f"An Idempotency-Key has 1 to {LONGEST_KEY} letters, digits and signs of ASCII.",
            field=HEADER,
        )
    platform = await platform_of(request)
    begun = await platform.services.replies.begin(
        Repeatable(
            caller=caller,
            endpoint=f"{request.method} {request.url.path}",
            key=key,
            fingerprint=await _fingerprint(request),
        )
    )
    if isinstance(begun, Reply):
        return _again(begun)
    try:
        with _staying(begun):
            response = await handler(request)
    except BaseException:  # without an effect
        await begun.release()
        raise
    if isinstance(response, StreamingResponse):
        response.body_iterator = _kept_when_done(response, response.body_iterator, begun)
        return response
    await begun.keep(_reply(response, bytes(response.body)))
    return response


async def _fingerprint(request: Request) -> bytes:
    """Of what is asked for; a form has another boundary each time that it is written."""
    body = await request.body()
    media_type, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    if boundary:
        body = body.replace(boundary.strip('"').encode(), b"")
    accepted = request.headers.get("accept", "")
    about = f"{request.url.query}\n{media_type}\n{'event-stream' in accepted}\n"
    return hashlib.sha256(about.encode() + body).digest()


async def _kept_when_done(
    response: StreamingResponse, stream: AsyncIterable[str | bytes | memoryview], held: Held
) -> AsyncIterator[bytes]:
    """What is streamed is kept when it is whole; cut short, it may be asked for again."""
    parts: list[bytes] = []
    whole = False
    try:
        with _staying(held):
            async for part in stream:
                parts.append(part.encode() if isinstance(part, str) else bytes(part))
                yield parts[-1]
        whole = not parts[-1].startswith(b"event: error")
        if whole:
            await held.keep(_reply(response, b"".join(parts)))
    finally:
        try:
            await close(stream)
        finally:
            if not whole:
                await held.release()


@contextmanager
def _staying(held: Held) -> Iterator[None]:
    """Hold the place for as long as this process works on the reply, and lives."""
    staying = asyncio.create_task(held.stay())
    try:
        yield
    finally:
        staying.cancel()


def _reply(response: Response, body: bytes) -> Reply:
    return Reply(status=response.status_code, media_type=response.media_type or "", body=body)


def _again(reply: Reply) -> Response:
    headers = {"Idempotency-Replayed": "true"}
    return Response(reply.body, reply.status, headers, media_type=reply.media_type or None)
