"""Requests to a server: with a deadline, few tries, and changes that are made once."""

import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import anyio
import httpx

from sloth_agent.client.address import Address
from sloth_agent.client.events import Event, events_of
from sloth_agent.client.problems import error_in, retry_after, unreadable
from sloth_agent.errors import BackendUnavailable, InProgress, SlothError
from sloth_agent.ids import new_id

Body = dict[str, Any]

TRIES = 3

MAY_PASS = {502, 503, 504}
"""Answers after which another try may succeed; 429 is one where it says when."""

TIMEOUT = httpx.Timeout(100, connect=10)
"""Seconds of silence; an answer of the slowest model begins earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one call may take."""

    call_seconds: float = 180  # all tries and pauses together; the server forgets who took longer
    pause_seconds: float = 0.5  # before the second try; doubled before the third


@asynccontextmanager
async def connected(
    address: Address,
    *,
    patience: Patience = Patience(),
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator["Server"]:
    """A server, which is not asked for anything yet. `transport` carries the requests there."""
    async with httpx.AsyncClient(
        base_url=address.base_url,
        headers={
            "Authorization": f"Bearer {address.api_key}",
            "User-Agent": f"sloth-agent/{version('sloth-agent')}",
        },
        timeout=TIMEOUT,
        transport=transport,
    ) as client:
        yield Server(client, patience)


@dataclass(frozen=True, slots=True)
class Server:
    """What the API of a server answers.

    Every method tries at most three times. A change bears a key of its own (`Idempotency-Key`),
    so that one whose answer was lost is not made again.

    Raises:
        BackendUnavailable: no answer after the tries. Safe to retry.
        SlothError: what the server refused, as the library would have.
    """

    client: httpx.AsyncClient
    patience: Patience

    async def get(self, path: str, **query: object) -> Body:
        asked = {name: str(value) for name, value in query.items() if value is not None}
        return _body(await self._sent(lambda: self._request("GET", path, params=asked)))

    async def post(self, path: str, body: Body) -> Body:
        return _body(await self._changed("POST", path, json=body))

    async def put(self, path: str, body: Body) -> Body:
        return _body(await self._changed("PUT", path, json=body))

    async def delete(self, path: str) -> None:
        await self._changed("DELETE", path)

    async def upload(self, path: str, name: str, content: bytes) -> Body:
        return _body(await self._changed("POST", path, files={"file": (name, content)}))

    async def ask(self, path: str, body: Body) -> Body:
        """A POST that changes nothing."""
        return _body(await self._sent(lambda: self._request("POST", path, json=body)))

    async def stream(self, path: str, body: Body) -> AsyncGenerator[Event, None]:
        """Tried again until it begins; leaving early ends it on the server, too.

        Raises:
            BackendUnavailable: it broke off.
        """
        accepted = {"Accept": "text/event-stream", **_key()}
        response = await self._sent(
            lambda: self._request("POST", path, json=body, headers=accepted), stream=True
        )
        try:
            async with aclosing(response), aclosing(events_of(response.aiter_bytes())) as events:
                async for event in events:
                    yield event
        except httpx.TransportError as error:
            raise self._away("broke off its answer") from error

    async def _changed(self, method: str, path: str, **content: Any) -> httpx.Response:
        key = _key()
        return await self._sent(lambda: self._request(method, path, headers=key, **content))

    def _request(self, method: str, path: str, **content: Any) -> httpx.Request:
        return self.client.build_request(method, path, **content)

    async def _sent(
        self, request: Callable[[], httpx.Request], *, stream: bool = False
    ) -> httpx.Response:
        ends = time.monotonic() + self.patience.call_seconds
        tries = 0
        while True:
            asked_for: float | None = None
            try:
                response = await self.client.send(request(), stream=stream)
                if response.is_success:
                    return response
                failure = await _failure(response)
                asked_for = retry_after(response)
                may_pass = _may_pass(response, failure)
            except httpx.TransportError as error:
                failure, may_pass = self._away(f"does not answer ({_reason(error)})"), True
                failure.__cause__ = error
            tries += not isinstance(failure, InProgress)  # which is nobody's failure
            pause = self._pause(tries, asked_for)
            if not may_pass or tries == TRIES or time.monotonic() + pause >= ends:
                raise failure
            await anyio.sleep(pause)

    def _pause(self, tries: int, asked_for: float | None) -> float:
        """Seconds, not the same for all who wait; what the server asks for is the least."""
        longest = self.patience.pause_seconds * 2 ** max(0, tries - 1)
        jittered: float = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        return jittered + (asked_for or 0)

    def _away(self, what: str) -> BackendUnavailable:
        return BackendUnavailable(
            f"The server at {self.client.base_url.host} {what}.",
            hint="Try again; is the address right?",
            backend="server",
        )


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


def _body(response: httpx.Response) -> Body:
    try:
        body: Body = response.json()
    except ValueError as error:
        raise unreadable(response) from error
    return body


async def _failure(response: httpx.Response) -> SlothError:
    async with aclosing(response):
        await response.aread()
    return error_in(response)


def _may_pass(response: httpx.Response, failure: SlothError) -> bool:
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return retry_after(response) is not None  # a limit of the plan does not pass by waiting
    return response.status_code in MAY_PASS or isinstance(failure, InProgress)


def _reason(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__
