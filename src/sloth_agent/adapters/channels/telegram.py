"""Telegram, through the library that its users know, on HTTP connections that all bots share."""

import hmac
import html
import json
import secrets
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import httpx

from sloth_agent.adapters.channels.paces import Paces
from sloth_agent.adapters.channels.telegram_updates import inbound_of
from sloth_agent.channels.formatting import Style, spans
from sloth_agent.channels.messages import (
    Account,
    Attachment,
    Capabilities,
    Delivery,
    Finding,
    Inbound,
    Measure,
    Part,
    Payload,
    WebhookRequest,
)
from sloth_agent.channels.models import Credentials
from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    Conflict,
    FileTooLarge,
    Forbidden,
    InvalidInput,
    MissingExtra,
    NotFound,
    RateLimited,
    RecipientGone,
)
from sloth_agent.settings import Settings

try:
    import telegram
    from telegram import error as told
    from telegram.request import HTTPXRequest
    from telegram.warnings import PTBDeprecationWarning
except ModuleNotFoundError as error:
    raise MissingExtra.named("telegram", needed_for="Telegram") from error

T = TypeVar("T")

TOKEN = "token"  # noqa: S105 - the name of a credential
SECRET = "webhook_secret"  # noqa: S105 - likewise
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - likewise

CAPABILITIES = Capabilities(
    longest_text=4096, measure=Measure.UTF16, has_buttons=True, shows_typing=True
)

UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

POLL_SECONDS = 20
SECONDS = 15.0
TRIES = 3
WEBHOOK_CONNECTIONS = 40

_TAGS = {Style.BOLD: "b", Style.ITALIC: "i", Style.CODE: "code"}
_NOBODY = ("chat not found", "user not found", "peer_id_invalid", "group chat was deactivated")


@dataclass(slots=True)
class Connections:
    """To Telegram, for all bots of a process."""

    base: str
    _sending: HTTPXRequest | None = None
    _polling: HTTPXRequest | None = None
    paces: dict[str, Paces] = field(default_factory=dict)

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
        """Telegram lets a bot send some thirty messages in a second, and one to each chat."""
        return self.paces.setdefault(token, Paces(seconds=1 / 28, chat_seconds=1.05))

    async def aclose(self) -> None:
        for requests in (self._sending, self._polling):
            if requests is not None:
                await requests.shutdown()


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
    ) -> AsyncIterator["TelegramLine"]:
        token = credentials.values[TOKEN]
        try:
            bot = self.connections.bot(token)
        except told.InvalidToken as error:
            raise _refused() from error
        yield TelegramLine(bot, self.connections.pace(token), credentials.values.get(SECRET, ""))

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


@dataclass(frozen=True, slots=True)
class TelegramLine:
    """`Polled`: one bot."""

    bot: telegram.Bot
    paces: Paces
    secret: str

    async def introduce(self) -> Account:
        me = await _tried(self.bot.get_me)
        return Account(
            key=f"telegram:{me.id}",
            settings={"username": me.username, "name": me.first_name},
        )

    async def listen(self, url: str) -> None:
        try:
            await _tried(
                lambda: self.bot.set_webhook(
                    url,
                    secret_token=self.secret,
                    allowed_updates=UPDATES,
                    max_connections=WEBHOOK_CONNECTIONS,
                )
            )
        except InvalidInput as error:
            raise InvalidInput(
                f"Telegram does not take the address {url}.",
                hint="PUBLIC_URL has to be https, on port 443, 80, 88 or 8443. Or run"
                " `sloth channels run telegram`, which needs no address.",
            ) from error

    async def stop_listening(self) -> None:
        await _tried(lambda: self.bot.delete_webhook(drop_pending_updates=False))

    async def send(
        self,
        chat: str,
        part: Part,
        *,
        key: str,  # noqa: ARG002 - Telegram has no keys for requests
        since: datetime | None,  # noqa: ARG002 - likewise
    ) -> str:
        """Telegram cannot tell whether an earlier try came through: it is sent again."""
        async with self.paces.turn(chat):
            try:
                return await self._send(chat, part)
            except told.ChatMigrated as error:
                return await self._send(str(error.new_chat_id), part)
            except RateLimited as error:
                self.paces.pause(_wait_of(error))
                raise

    async def _send(self, chat: str, part: Part) -> str:
        buttons = [
            [telegram.InlineKeyboardButton(button.label, callback_data=button.command)]
            for button in part.buttons
        ]
        answered = part.reply_to
        message = await _once(
            lambda: self.bot.send_message(
                chat,
                written(part.text),
                parse_mode="HTML",
                reply_markup=telegram.InlineKeyboardMarkup(buttons) if buttons else None,
                link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
                reply_parameters=(
                    telegram.ReplyParameters(int(answered), allow_sending_without_reply=True)
                    if answered
                    else None
                ),
            )
        )
        return str(message.message_id)

    async def show_typing(self, chat: str) -> None:
        with suppress(told.ChatMigrated):
            await _once(lambda: self.bot.send_chat_action(chat, "typing"))

    async def acknowledge(self, inbound: Inbound) -> None:
        press = inbound.press
        if press is not None:
            await _once(lambda: self.bot.answer_callback_query(press))

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        if (attachment.size_bytes or 0) > max_bytes:
            raise _too_large(attachment, max_bytes)
        try:
            file = await _tried(lambda: self.bot.get_file(attachment.key))
            if (file.file_size or 0) > max_bytes:
                raise _too_large(attachment, max_bytes)
            content = await _tried(file.download_as_bytearray)
        except (InvalidInput, ChannelRefused, RecipientGone) as error:  # so it answers for files
            raise NotFound("Telegram does not have this file any more.") from error
        if len(content) > max_bytes:
            raise _too_large(attachment, max_bytes)
        return bytes(content)

    async def poll(self, after: str | None) -> tuple[Sequence[Payload], str | None]:
        updates = await _once(
            lambda: self.bot.get_updates(
                offset=int(after) if after else None,
                timeout=POLL_SECONDS,
                allowed_updates=UPDATES,
                read_timeout=POLL_SECONDS + SECONDS,
            )
        )
        if not updates:
            return [], after
        return [update.to_dict() for update in updates], str(updates[-1].update_id + 1)

    async def examine(self, url: str | None) -> Sequence[Finding]:
        me = await _tried(self.bot.get_me)
        hook = await _tried(self.bot.get_webhook_info)
        return [
            Finding(name="token", is_well=True, message=f"Telegram knows the bot @{me.username}."),
            _webhook_finding(hook, url),
            _delivery_finding(hook),
            _waiting_finding(hook),
            _groups_finding(me),
        ]


def _webhook_finding(hook: telegram.WebhookInfo, url: str | None) -> Finding:
    name = "webhook"
    if url is None:
        if not hook.url:
            return Finding(name=name, is_well=True, message="None: the bot is asked by polling.")
        return Finding(
            name=name,
            is_well=False,
            message=f"Telegram tells {hook.url}, and this install has no public address.",
            hint="Set PUBLIC_URL and connect it again, or run `sloth channels run telegram`.",
        )
    if hook.url == url:
        return Finding(name=name, is_well=True, message=f"Telegram tells {url}.")
    return Finding(
        name=name,
        is_well=False,
        message=f"Telegram tells {hook.url or 'nobody'}, and not {url}.",
        hint="Connect it again: `sloth channels connect telegram --token ...`.",
    )


_CAUSES = (
    ("ssl", "Its certificate is not in order: renew it, and serve the whole chain."),
    ("certificate", "Its certificate is not in order: renew it, and serve the whole chain."),
    ("401", "The secret is another one: connect it again."),
    ("403", "The secret is another one: connect it again."),
    ("404", "It is not this install that answers at PUBLIC_URL, or the proxy leaves out the path."),
    ("resolve", "The name in PUBLIC_URL is not known to DNS."),
    ("timed out", "Nothing answers at PUBLIC_URL: look at the firewall and at `sloth serve`."),
    ("refused", "Nothing answers at PUBLIC_URL: look at the firewall and at `sloth serve`."),
)


def _delivery_finding(hook: telegram.WebhookInfo) -> Finding:
    failure = hook.last_error_message
    if not failure:
        return Finding(name="delivery", is_well=True, message="Telegram reports no failure.")
    hint = next((hint for words, hint in _CAUSES if words in failure.lower()), None)
    return Finding(
        name="delivery",
        is_well=False,
        message=f"Telegram could not deliver: {failure}.",
        hint=hint or "Look at the log of `sloth serve`.",
    )


_MANY_WAITING = 100


def _waiting_finding(hook: telegram.WebhookInfo) -> Finding:
    waiting = hook.pending_update_count
    return Finding(
        name="pending",
        is_well=waiting < _MANY_WAITING,
        message=f"{waiting} updates wait at Telegram.",
        hint=None if waiting < _MANY_WAITING else "Start `sloth serve`, or `sloth channels run`.",
    )


def _groups_finding(me: telegram.User) -> Finding:
    hears_all = me.can_read_all_group_messages
    return Finding(
        name="groups",
        is_well=True,
        message=(
            "In groups the bot reads everything, and answers when it is named."
            if hears_all
            else "In groups the bot hears commands, and answers to its own messages."
        ),
    )


def written(text: str) -> str:
    """In Telegram's HTML."""
    return "".join(
        f"<{_TAGS[span.style]}>{html.escape(span.text)}</{_TAGS[span.style]}>"
        if span.style in _TAGS
        else html.escape(span.text, quote=False)
        for span in spans(text)
    )


async def _tried(call: Callable[[], Awaitable[T]]) -> T:
    """For what may be done twice."""
    for _ in range(TRIES - 1):
        try:
            return await _once(call)
        except ChannelUnavailable:
            continue
    return await _once(call)


async def _once(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except told.ChatMigrated:
        raise
    except told.RetryAfter as error:
        raise RateLimited(
            "Telegram asks us to wait.", retry_after_seconds=_seconds(error)
        ) from error
    except told.InvalidToken as error:
        raise _refused() from error
    except told.Forbidden as error:
        raise RecipientGone("The person has blocked the bot, or left.") from error
    except told.Conflict as error:
        raise Conflict(
            "Somebody else listens to this bot.",
            hint="Stop the other `sloth channels run`, or remove the webhook: connect it anew.",
        ) from error
    except told.BadRequest as error:
        if any(words in error.message.lower() for words in _NOBODY):
            raise RecipientGone("Telegram does not know this chat any more.") from error
        raise InvalidInput(f"Telegram refused it: {error.message}") from error
    except (told.TelegramError, httpx.HTTPError) as error:
        raise ChannelUnavailable("Telegram did not answer.", backend="telegram") from error


def _seconds(error: told.RetryAfter) -> float:
    """The library gives a number, and warns that it will give a span of time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PTBDeprecationWarning)
        wanted = error.retry_after
    return wanted.total_seconds() if isinstance(wanted, timedelta) else float(wanted)


def _wait_of(error: RateLimited) -> float:
    seconds = error.details["retry_after_seconds"]
    assert isinstance(seconds, float)
    return seconds


def _refused() -> ChannelRefused:
    return ChannelRefused(
        "Telegram does not know this token.", hint="Copy it from @BotFather, and connect it again."
    )


def _too_large(attachment: Attachment, max_bytes: int) -> FileTooLarge:
    megabytes = max_bytes // 2**20
    return FileTooLarge(f"{attachment.name} is larger than the {megabytes} MB that are taken.")


def from_settings(settings: Settings) -> Telegram:
    base = settings.telegram_api_base or "https://api.telegram.org"
    return Telegram(Connections(base.rstrip("/")))
