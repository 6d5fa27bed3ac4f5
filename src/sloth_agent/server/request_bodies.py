"""How large a request may be, and how long it may take to come."""

import time
from dataclasses import dataclass

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sloth_agent.errors import FileTooLarge, RequestTooSlow
from sloth_agent.server.edge import arrival_of
from sloth_agent.server.problems import Refused, problem_response

MOST_BYTES = 512 * 1024
AROUND_A_FILE = 64 * 1024
"""What a form may hold beside its file."""


@dataclass(frozen=True, slots=True)
class RequestBodies:
    """Refuses bodies that are too large at once, and those that come too slowly."""

    app: ASGIApp
    most_file_bytes: int
    longest_seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._most(headers)
        if _length(headers) > most:
            error = too_large(most)
            answer = problem_response(error, request_id=arrival_of(scope).id)
            answer.headers["Connection"] = "close"  # what else comes of it is not read
            await answer(scope, receive, send)
        else:
            await self.app(scope, _Coming(receive, most, self.longest_seconds).receive, send)

    def _most(self, headers: Headers) -> int:
        if headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return self.most_file_bytes + AROUND_A_FILE
        return MOST_BYTES


class _Coming:
    def __init__(self, receive: Receive, most: int, longest_seconds: float) -> None:
        self._receive = receive
        self._most = most
        self._bytes = 0
        self._deadline = time.monotonic() + longest_seconds
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            with anyio.fail_after(max(0.0, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise Refused(RequestTooSlow("The request came too slowly.")) from error
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > self._most:
                raise Refused(too_large(self._most))
            self._complete = not message.get("more_body", False)
        return message


def _length(headers: Headers) -> int:
    try:
        return int(headers.get("content-length", "0"))
    except ValueError:
        return 0  # the server has refused what is no number


def too_large(most: int) -> FileTooLarge:
    return FileTooLarge(f"A request has at most {most:,} bytes.", hint="Send less at once.")
