"""One account at Twilio, through its own SDK. Its calls block, and are made in threads."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar

import anyio.to_thread

from sloth_agent.adapters.channels.twilio_account import TwilioAccount
from sloth_agent.adapters.channels.twilio_failures import SUSPENDED, failure
from sloth_agent.adapters.channels.twilio_sdk import (
    Client,
    RequestException,
    Response,
    TwilioHttpClient,
)
from sloth_agent.adapters.outgoing import Line, Patience, TryAgain
from sloth_agent.errors import ChannelUnavailable, SlothError

T = TypeVar("T")

API = "https://api.twilio.com"
PATIENCE = Patience(call_seconds=15.0, try_seconds=6.0)
SOCKET_SECONDS = 5.0

_NOBODY = "/2010-04-01/Accounts/AC00000000000000000000000000000000.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """As Twilio lists it, in either direction."""

    sid: str
    status: str
    direction: str
    text: str
    error: int | None
    created_at: datetime

    @property
    def failed(self) -> bool:
        return self.status in ("failed", "undelivered")

    @property
    def waits(self) -> bool:
        """Whether WhatsApp has neither taken nor refused it."""
        return self.status in ("accepted", "queued", "sending")

    @property
    def problem(self) -> SlothError:
        """Why it failed."""
        return failure(self.error or 0, "the message did not arrive")

    @classmethod
    def of(cls, told: Any) -> Self:
        return cls(
            sid=told.sid,
            status=told.status,
            direction=told.direction,
            text=told.body or "",
            error=told.error_code,
            created_at=told.date_created,
        )


class TwilioClient:
    """`close` it in the end."""

    def __init__(self, account: TwilioAccount, *, base: str, line: Line) -> None:
        self._line = line
        self._http = _Http(timeout=SOCKET_SECONDS)
        self._client = Client(account.sid, account.token, http_client=self._http)
        self._client.api.base_url = base

    def close(self) -> None:
        self._http.session.close()

    async def account(self) -> tuple[str, str]:
        """Its name and its status, such as `active`."""
        told = await self.call(self._client.api.account.fetch)
        return told.friendly_name or "", told.status

    async def message(self, sid: str) -> Message:
        return Message.of(await self.call(self._client.messages(sid).fetch))

    async def newest(
        self, limit: int, *, to: str | None = None, sender: str | None = None
    ) -> Sequence[Message]:
        """The newest first."""
        return await self.call(lambda: self.list(limit, to=to, sender=sender))

    def list(
        self, limit: int, *, to: str | None = None, sender: str | None = None
    ) -> Sequence[Message]:
        """As `newest`, blocking."""
        asked = {name: each for name, each in (("to", to), ("from_", sender)) if each}
        found = self._client.messages.list(limit=limit, page_size=limit, **asked)
        return [Message.of(each) for each in found]

    def create(self, **message: str) -> Message:
        """Blocking; what Twilio takes may still be refused by WhatsApp."""
        return Message.of(self._client.messages.create(**message))

    async def call(self, request: Callable[[], T]) -> T:
        """Make a blocking request, up to three times."""
        return await self._line.call(lambda: _in_thread(request))


def twilio_line(base: str, patience: Patience = PATIENCE) -> Line:
    """For all accounts together: where Twilio is down, it is so for each of them."""
    return Line(
        "Twilio",
        unavailable=ChannelUnavailable,
        patience=patience,
        knock=lambda: _knock(base),
    )


async def _knock(base: str) -> None:
    """Ask for nobody's account: that it is refused is an answer."""
    http = _Http(timeout=SOCKET_SECONDS)
    try:
        await _in_thread(lambda: http.request("GET", base + _NOBODY))
    except SlothError:
        pass
    finally:
        http.session.close()


async def _in_thread(request: Callable[[], T]) -> T:
    try:
        return await anyio.to_thread.run_sync(request, abandon_on_cancel=True)
    except RequestException as error:
        raise TryAgain("cannot be reached or cut the connection") from error
    except json.JSONDecodeError as error:
        raise TryAgain("answered what nobody can read") from error


class _Http(TwilioHttpClient):  # type: ignore[misc] # without types
    """Raises for what is refused, before the SDK does, which would lose `Retry-After`."""

    def request(self, *args: Any, **more: Any) -> Response:
        response = super().request(*args, **more)
        if response.status_code >= 400:
            raise _refusal(response)
        return response


def _refusal(response: Response) -> Exception:
    status = response.status_code
    code, text = _said(response.text)
    if status == 429:
        return failure(code or 20429, text, retry_after=_seconds(response.headers))
    if status >= 500 and code not in SUSPENDED:
        return TryAgain(f"failed with status {status}")
    if status in (401, 403) and code not in SUSPENDED:
        return failure(20003, text)
    return failure(code or status, text)


def _said(body: str) -> tuple[int | None, str]:
    try:
        told = json.loads(body)
        return int(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return None, "no reason was given"


def _seconds(headers: Any) -> float | None:
    try:
        return max(float(headers["Retry-After"]), 0.0)
    except (KeyError, ValueError, TypeError):
        return None
