"""A firm's bot at Telegram."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sloth_agent.adapters.channels import telegram_checks
from sloth_agent.adapters.channels.paces import Paces
from sloth_agent.adapters.channels.telegram_calls import (
    SECONDS,
    is_topic_gone,
    is_unchanged,
    once,
    tried,
    wait_of,
)
from sloth_agent.adapters.channels.telegram_ids import unknown_ids
from sloth_agent.adapters.channels.telegram_sdk import telegram, told
from sloth_agent.adapters.channels.telegram_text import telegram_text
from sloth_agent.channels.messages import (
    Account,
    Attachment,
    EarlierTry,
    Finding,
    Inbound,
    Original,
    Part,
    Payload,
)
from sloth_agent.errors import (
    ChannelRefused,
    FileTooLarge,
    InvalidInput,
    NotFound,
    RateLimited,
    RecipientGone,
)

UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

POLL_SECONDS = 20
WEBHOOK_CONNECTIONS = 40

EVERYWHERE = sys.maxsize


@dataclass(frozen=True, slots=True)
class TelegramLine:
    """`Polled`: one bot."""

    bot: telegram.Bot
    paces: Paces
    secret: str
    looked_at: dict[str, int]  # how far a try was looked for, by its key; of all lines together

    async def introduce(self) -> Account:
        me = await tried(self.bot.get_me)
        return Account(
            key=f"telegram:{me.id}",
            settings={"username": me.username, "name": me.first_name},
        )

    async def listen(self, url: str) -> None:
        try:
            await tried(
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

    async def stop_listening(self, url: str) -> None:
        hook = await tried(self.bot.get_webhook_info)
        if hook.url == url:
            await self.listen_here()

    async def listen_here(self) -> None:
        await tried(lambda: self.bot.delete_webhook(drop_pending_updates=False))

    async def send(
        self,
        chat: str,
        part: Part,
        *,
        key: str,
        earlier: EarlierTry | None,
        heard_at: datetime | None,  # noqa: ARG002 - a bot may write at any time
    ) -> str:
        """Telegram has no keys for requests: what came through is looked for."""
        try:
            return await self._send_once(chat, part, key, earlier)
        except told.ChatMigrated as error:
            return await self._send_once(str(error.new_chat_id), part, key, earlier)

    async def _send_once(self, chat: str, part: Part, key: str, earlier: EarlierTry | None) -> str:
        found = await self._found(chat, part, key, earlier) if earlier else None
        return found or await self._sent(chat, part, key)

    async def _sent(self, chat: str, part: Part, key: str) -> str:
        """Put off, it has not come through, and the next call need not look for it."""
        try:
            async with self.paces.turn(chat):
                with self._heeding(chat):
                    return await self._send(chat, part)
        except RateLimited:
            self.looked_at[key] = EVERYWHERE
            raise

    async def _found(self, chat: str, part: Part, key: str, earlier: EarlierTry) -> str | None:
        """What has come through of an earlier try; None: nothing.

        Put off in the midst of it, the next call goes on behind what was looked at: Telegram may
        put us off at the same place each time.
        """
        for id in unknown_ids(chat, earlier):
            if id > self.looked_at.get(key, 0):
                async with self.paces.turn(chat, is_message=False):
                    with self._heeding(chat):
                        is_ours = await self._is_ours(chat, id, part)
                if is_ours:
                    return str(id)
                self.looked_at[key] = id
        self.looked_at.pop(key, None)
        return None

    @contextmanager
    def _heeding(self, chat: str) -> Iterator[None]:
        """Pause where Telegram says so; that our own pace puts something off pauses nothing."""
        try:
            yield
        except RateLimited as error:
            self.paces.pause(chat, wait_of(error))
            raise

    async def _is_ours(self, chat: str, id: int, part: Part) -> bool:
        """A message of ours can be given the buttons that it has; another's cannot be changed."""
        try:
            await once(
                lambda: self.bot.edit_message_reply_markup(
                    chat, message_id=id, reply_markup=_keyboard(part)
                )
            )
        except InvalidInput as error:
            return is_unchanged(error)
        return True

    async def _send(self, chat: str, part: Part) -> str:
        """In its topic; where that was deleted meanwhile, beside the others."""
        try:
            return await self._post(chat, part)
        except InvalidInput as error:
            if part.thread is None or not is_topic_gone(error):
                raise
            return await self._post(chat, replace(part, thread=None))

    async def _post(self, chat: str, part: Part) -> str:
        topic = int(part.thread) if part.thread else None
        if part.original is not None:
            return await self._show(chat, part.original, topic)
        answered = part.reply_to
        message = await once(
            lambda: self.bot.send_message(
                chat,
                telegram_text(part.text),
                message_thread_id=topic,
                parse_mode="HTML",
                reply_markup=_keyboard(part),
                link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
                reply_parameters=(
                    telegram.ReplyParameters(int(answered), allow_sending_without_reply=True)
                    if answered
                    else None
                ),
            )
        )
        return str(message.message_id)

    async def _show(self, chat: str, original: Original, topic: int | None) -> str:
        copy = await once(
            lambda: self.bot.copy_message(
                chat,
                from_chat_id=original.chat,
                message_id=int(original.reference),
                message_thread_id=topic,
            )
        )
        return str(copy.message_id)

    async def show_typing(self, chat: str) -> None:
        with suppress(told.ChatMigrated):
            await once(lambda: self.bot.send_chat_action(chat, "typing"))

    async def acknowledge(self, inbound: Inbound) -> None:
        press = inbound.press
        if press is not None:
            await once(lambda: self.bot.answer_callback_query(press))

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        if (attachment.size_bytes or 0) > max_bytes:
            raise _too_large(attachment, max_bytes)
        try:
            file = await tried(lambda: self.bot.get_file(attachment.key))
            if (file.file_size or 0) > max_bytes:
                raise _too_large(attachment, max_bytes)
            content = await tried(file.download_as_bytearray)
        except (InvalidInput, ChannelRefused, RecipientGone) as error:  # so it answers for files
            raise NotFound("Telegram does not have this file any more.") from error
        if len(content) > max_bytes:
            raise _too_large(attachment, max_bytes)
        return bytes(content)

    async def poll(self, after: str | None) -> tuple[Sequence[Payload], str | None]:
        updates = await once(
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
        me = await tried(self.bot.get_me)
        hook = await tried(self.bot.get_webhook_info)
        return telegram_checks.findings(me, hook, url)


def _keyboard(part: Part) -> telegram.InlineKeyboardMarkup | None:
    if not part.buttons:
        return None
    return telegram.InlineKeyboardMarkup(
        [
            [telegram.InlineKeyboardButton(button.label, callback_data=button.command)]
            for button in part.buttons
        ]
    )


def _too_large(attachment: Attachment, max_bytes: int) -> FileTooLarge:
    megabytes = max_bytes // 2**20
    return FileTooLarge(f"{attachment.name} is larger than the {megabytes} MB that are taken.")
