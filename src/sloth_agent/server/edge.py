"""What every request passes first, and every answer last."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sloth_agent.errors import HostNotAllowed
from sloth_agent.ids import new_id
from sloth_agent.server.access_log import AccessLog
from sloth_agent.server.addresses import TrustedProxies
from sloth_agent.server.metrics import METHODS, Metrics
from sloth_agent.server.problems import problem_response, unexpected_response

ARRIVAL = "sloth_agent.arrival"

GONE = 499
"""What is written down where the client left before it was answered, as nginx does."""

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Where an answer does not say otherwise."""


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A request as it came in, and what was found out about it."""

    id: str
    address: str | None  # None: through a local socket
    tenant: str | None = None
    user: str | None = None
    headers: dict[str, str]  # of the answer


@dataclass(frozen=True, slots=True)
class Edge:
    """Gives each request its id, answers for whatever was not caught, and writes it down."""

    app: ASGIApp
    hosts: Sequence[str]  # that it is known by; none: any
    proxies: TrustedProxies
    log: AccessLog
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        arrival = Arrival(
            id=new_id().hex,
            address=self.proxies.client_of(scope.get("client"), headers),
            headers={},
        )
        scope[ARRIVAL] = arrival
        answering = _Answering(send, arrival)
        started = time.perf_counter()
        try:
            if not self._is_for_us(headers):
                error = HostNotAllowed("This server does not go by that name.")
                refused = problem_response(error, request_id=arrival.id)
                await refused(scope, receive, answering.send)
            else:
                await self.app(scope, receive, answering.send)
        except ClientDisconnect:
            """Nobody hears what is answered."""
        except Exception as error:  # noqa: BLE001 - the outermost edge of one request
            self.log.failed(error, about_request(scope))
            if answering.status is None:
                failed = unexpected_response(request_id=arrival.id)
                await failed(scope, receive, answering.send)
        finally:
            seconds = time.perf_counter() - started
            self._write_down(scope, arrival, answering.status or GONE, seconds)

    def _is_for_us(self, headers: Mapping[str, str]) -> bool:
        if not self.hosts:
            return True
        name = headers.get("host", "").rsplit(":", 1)[0].lower()
        return any(
            name == host or (host.startswith(".") and name.endswith(host)) for host in self.hosts
        )

    def _write_down(self, scope: Scope, arrival: Arrival, status: int, seconds: float) -> None:
        self.metrics.requested(scope["method"], _route_of(scope), status, seconds)
        self.log.request(
            request_id=arrival.id,
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            address=arrival.address,
            tenant=arrival.tenant,
        )


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


_SAFE = _raw(SAFE_HEADERS)


class _Answering:
    """Adds to the answer what each answer has, and remembers how it went."""

    def __init__(self, send: Send, arrival: Arrival) -> None:
        self._send = send
        self._arrival = arrival
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            present = {name for name, _ in headers}
            headers.extend(header for header in _SAFE if header[0] not in present)
            headers.append((b"x-request-id", self._arrival.id.encode()))
            headers.extend(_raw(self._arrival.headers))
        await self._send(message)


def about_request(scope: Mapping[str, Any]) -> dict[str, str]:
    """What may be told of a request where it failed: nothing that its sender wrote."""
    arrival = arrival_of(scope)
    known = {
        "request_id": arrival.id,
        "method": scope["method"] if scope["method"] in METHODS else "other",
        "route": _route_of(scope),
        "tenant": arrival.tenant,
        "user": arrival.user,
    }
    return {name: value for name, value in known.items() if value is not None}


def _route_of(scope: Mapping[str, Any]) -> str:
    path: str = getattr(scope.get("route"), "path", "other")
    return path


def arrival_of(scope: Mapping[str, Any]) -> Arrival:
    """Of the request that is being answered."""
    arrival: Arrival = scope[ARRIVAL]
    return arrival
