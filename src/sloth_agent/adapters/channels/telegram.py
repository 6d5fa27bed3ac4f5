"""Telegram, through the library that its users know, on HTTP connections that all bots share."""

import hmac
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sloth_agent.adapters.channels.paces import Pace, Paces
from sloth_agent.adapters.channels.telegram_calls import SECONDS, refused
from sloth_agent.adapters.channels.telegram_line import TelegramLine
from sloth_agent.adapters.channels.telegram_sdk import HTTPXRequest, telegram
from sloth_agent.adapters.channels.telegram_updates import inbound_of
from sloth_agent.channels.messages import (
    Capabilities,
    Delivery,
    Inbound,
    Measure,
    Payload,
    WebhookRequest,
)
from sloth_agent.channels.models import Credentials
from sloth_agent.errors import Forbidden, InvalidInput
from sloth_agent.settings import Settings

TOKEN = "token"  # noqa: S105 - the name of a credential
SECRET = "webhook_secret"  # noqa: S105 - likewise
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - likewise

_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{1,200}", re.ASCII)

CAPABILITIES = Capabilities(
    longest_text=4096,
    measure=Measure.UTF16,
    has_buttons=True,
    shows_typing=True,
    shows_originals=True,
)


@dataclass(slots=True)
class Connections:
    """To Telegram, for all bots of a process."""

    base: str
    _sending: HTTPXRequest | None = None
    _polling: HTTPXRequest | None = None
    paces: dict[str, Paces] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)

    def bot(self, token: str) -> telegram.Bot:
        """Nothing is asked: who only sends needs not know the bot's name."""
        if self._sending is None:
            self._sending = _requests(64)
            self._polling = _requests(1024)
        return telegram.Bot(
            token,
            base_url=f"{self.base}/bot",
            base_file_url=f"{self.base}/file/bot",
            request=self._sending,
            get_updates_request=self._polling,
        )

    def pace(self, token: str) -> Paces:
        """Telegram lets a bot send some thirty messages in a second."""
        return self.paces.setdefault(token, Paces(seconds=1 / 28, pace_of=pace_of))

    async def aclose(self) -> None:
        for requests in (self._sending, self._polling):
            if requests is not None:
                await requests.shutdown()


def pace_of(chat: str) -> Pace:
    """One message in a second to each chat; twenty in a minute to a group."""
    return Pace(1.05, most_a_minute=20 if chat.startswith("-") else None)


def _requests(most: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=most,
        read_timeout=SECONDS,
        write_timeout=SECONDS,
        connect_timeout=SECONDS / 3,
        pool_timeout=SECONDS,
    )


@dataclass(frozen=True, slots=True)
class Telegram:
    """`Messenger`."""

    connections: Connections

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @asynccontextmanager
    async def open(
        self,
        credentials: Credentials,
        settings: Mapping[str, object],  # noqa: ARG002 - of `Messenger`
    ) -> AsyncIterator[TelegramLine]:
        token = credentials.values[TOKEN]
        if not _TOKEN.fullmatch(token):  # it stands in addresses, and must not lead elsewhere
            raise refused()
        yield TelegramLine(
            self.connections.bot(token),
            self.connections.pace(token),
            secret=credentials.values.get(SECRET, ""),
            looked_at=self.connections.looked_at,
        )

    def new_secrets(self) -> Mapping[str, str]:
        return {SECRET: secrets.token_urlsafe(32)}

    def read_request(self, request: WebhookRequest, credentials: Credentials) -> Sequence[Payload]:
        known = credentials.values.get(SECRET, "")
        given = request.headers.get(SECRET_HEADER, "")
        if not known or not hmac.compare_digest(known.encode(), given.encode()):
            raise Forbidden("The message is not from Telegram.")
        try:
            update = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise InvalidInput("The message is no JSON.") from error
        if not isinstance(update, dict):
            raise InvalidInput("The message is no update.")
        return [update]

    def read(self, payload: Payload, settings: Mapping[str, object]) -> Inbound | None:
        return inbound_of(payload, str(settings.get("username", "")))

    def read_delivery(self, payload: Payload) -> Delivery | None:  # noqa: ARG002 - of `Messenger`
        """None: what Telegram has taken is delivered."""
        return None

    async def aclose(self) -> None:
        await self.connections.aclose()


def from_settings(settings: Settings) -> Telegram:
    base = settings.telegram_api_base or "https://api.telegram.org"
    return Telegram(Connections(base.rstrip("/")))
