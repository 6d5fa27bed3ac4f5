"""A firm's WhatsApp number, through Twilio."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio

from sloth_agent.adapters.channels import whatsapp_checks
from sloth_agent.adapters.channels.twilio_account import TwilioAccount
from sloth_agent.adapters.channels.twilio_client import Message, TwilioClient
from sloth_agent.adapters.channels.twilio_failures import SAME_PARTIES
from sloth_agent.adapters.channels.whatsapp_text import whatsapp_text
from sloth_agent.adapters.guarded_fetching import GuardedFetching, Login
from sloth_agent.channels.messages import Account, Attachment, EarlierTry, Finding, Inbound, Part
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    InvalidInput,
    NotFound,
    RateLimited,
    WindowClosed,
)

WINDOW = timedelta(hours=24)
"""So long after a person's message WhatsApp takes more than templates."""

RECENT = 50
LOOKED_BACK = 10
"""Messages among which one that may have come through is looked for."""

CLOCKS_DIFFER = timedelta(minutes=1)
LONGEST_PLACE = 900  # of a template, which WhatsApp holds to 1,024 as a whole

_TEMPLATE = re.compile(r"HX[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsAppLine:
    """`Line`. Parts keep their order: each is followed until WhatsApp has taken or refused it."""

    account: TwilioAccount
    twilio: TwilioClient
    files: GuardedFetching
    login: Login
    template: str | None  # the sid of what is sent outside the 24 hours; None: nothing is
    callback: str | None  # where Twilio tells later what became of a message
    pauses: Sequence[float]  # seconds between looks at a message that is on its way
    clock: Clock
    sent: set[str] = field(default_factory=set)  # sids: another part may say the same

    async def introduce(self) -> Account:
        name, status = await self.twilio.account()
        if status != "active":
            raise ChannelRefused(
                f"The Twilio account is {status}.", hint="Look into Twilio's console."
            )
        await self._knows_number()
        known = {"number": self.account.phone, "account_sid": self.account.sid, "name": name}
        template = {"template": self.template} if self.template else {}
        return Account(key=self.account.number, settings={**known, **template})

    async def listen(self, url: str) -> None:
        """Twilio lets nobody set a WhatsApp number's webhook but by hand: `examine` says how."""

    async def stop_listening(self, url: str) -> None:
        """By hand, too; without its integration what comes is refused."""

    async def send(
        self,
        chat: str,
        part: Part,
        *,
        key: str,  # noqa: ARG002 - Twilio keeps none
        earlier: EarlierTry | None,
        heard_at: datetime | None,
    ) -> str:
        """An earlier try is known by its text, be it as such or in the template's place."""
        text = whatsapp_text(part)
        tried = earlier or EarlierTry(since=self.clock(), known=())
        is_late = heard_at is None or self.clock() - heard_at >= WINDOW
        content = _filled(self.template, text) if self.template and is_late else {"body": text}
        sid = await self._sent_once(
            lambda: self._create(chat, **content),
            former=lambda: self._former(chat, text, tried),
            started=earlier is not None,
        )
        try:
            return await self._followed(sid)
        except WindowClosed:
            if self.template is None or is_late:
                raise
        return await self._sent_as_template(self.template, chat, text, instead_of=sid)

    async def show_typing(self, chat: str) -> None:
        """Nothing: WhatsApp shows it for a message that came in, not for a chat."""

    async def acknowledge(self, inbound: Inbound) -> None:
        """Nothing: nobody waits for it."""

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        found = await self.files.get(attachment.key, max_bytes=max_bytes, login=self.login)
        if found.status == 200:
            return found.content
        if found.status == 401:
            raise ChannelRefused("Twilio does not take the auth token.", hint="Connect it again.")
        if found.status == 429:
            raise RateLimited("Twilio limits our rate.", retry_after_seconds=1.0)
        if found.status >= 500:
            raise ChannelUnavailable("Twilio has no files now.", backend="Twilio")
        raise NotFound("The file is not at Twilio's any more.")

    async def examine(self, url: str | None) -> Sequence[Finding]:
        try:
            _, status = await self.twilio.account()
        except ChannelRefused as error:
            return [_wrong("credentials", error)]
        found = [Finding(name="credentials", is_well=True, message="Twilio takes them.")]
        if status != "active":
            wrong = ChannelRefused(f"The account is {status}.", hint="Look into Twilio's console.")
            return [*found, _wrong("account", wrong)]
        try:
            await self._knows_number()
        except ChannelRefused as error:
            return [*found, _wrong("number", error)]
        sent = await self.twilio.newest(RECENT, sender=self.account.number)
        return [
            *found,
            Finding(name="number", is_well=True, message=f"{self.account.phone} sends."),
            whatsapp_checks.webhook(url, sent),
            *whatsapp_checks.recent(sent, template=self.template),
        ]

    async def _knows_number(self) -> None:
        """A message to itself is never sent; Twilio says why not, first of all for numbers that
        are not the account's.
        """
        try:
            await self.twilio.call(lambda: self._create(self.account.number, body="?"))
        except InvalidInput as error:
            if error.details.get("twilio_code") not in SAME_PARTIES:
                raise

    async def _sent_as_template(self, sid: str, chat: str, text: str, *, instead_of: str) -> str:
        """That of an earlier try is not looked for here: `send` has, before it sent the text."""
        made = await self._sent_once(
            lambda: self._create(chat, **_filled(sid, text)),
            former=lambda: self._newest_but(instead_of, chat),
        )
        return await self._followed(made)

    async def _sent_once(
        self,
        create: Callable[[], Message],
        *,
        former: Callable[[], Message | None],
        started: bool = False,
    ) -> str:
        """Whatever may have come through is looked for before it is sent again."""

        def attempt() -> str:
            nonlocal started
            found = former() if started else None
            started = True
            return (found or create()).sid

        sid = await self.twilio.call(attempt)
        self.sent.add(sid)
        return sid

    def _newest_but(self, sid: str, chat: str) -> Message | None:
        """What was sent to a chat after a message; None: nothing was."""
        sent = self.twilio.list(1, to=chat, sender=self.account.number)
        return next((each for each in sent if each.sid != sid), None)

    def _former(self, chat: str, text: str, tried: EarlierTry) -> Message | None:
        """The message of an earlier try, if that came through.

        The same text before it was to be sent answered something else, and one that somebody is
        known to have is another part.
        """
        known = self.sent.union(each.reference for each in tried.known)
        since = tried.since - CLOCKS_DIFFER
        sent = self.twilio.list(LOOKED_BACK, to=chat, sender=self.account.number)
        unknown = [each for each in sent if each.sid not in known and each.created_at >= since]
        ours = (each for each in unknown if not each.failed and self._tells(each, text))
        return next(ours, None)

    def _tells(self, message: Message, text: str) -> bool:
        if message.text.strip() == text.strip():
            return True
        return self.template is not None and _one_line(text) in message.text

    def _create(self, chat: str, **content: str) -> Message:
        told = {"status_callback": self.callback} if self.callback else {}
        return self.twilio.create(to=chat, from_=self.account.number, **content, **told)

    async def _followed(self, sid: str) -> str:
        """Raises what WhatsApp says against it; what takes longer is told to the webhook."""
        for pause in self.pauses:
            await anyio.sleep(pause)
            try:
                message = await self.twilio.message(sid)
            except (ChannelUnavailable, RateLimited):
                return sid  # it is sent, whatever becomes of our questions
            if message.failed:
                raise message.problem
            if not message.waits:
                break
        return sid


def checked_template(sid: object) -> str | None:
    """Raises:
    InvalidInput: it is no content sid.
    """
    if not sid:
        return None
    if not isinstance(sid, str) or not _TEMPLATE.fullmatch(sid):
        raise InvalidInput(
            "A content template is named by HX and 32 letters and digits.", field="template"
        )
    return sid


def _filled(template: str, text: str) -> dict[str, str]:
    """The template with a text in its place."""
    place = json.dumps({"1": _one_line(text)}, ensure_ascii=False)
    return {"content_sid": template, "content_variables": place}


def _one_line(text: str) -> str:
    """WhatsApp takes no line breaks in a template's place."""
    words = " ".join(text.split())
    if len(words) <= LONGEST_PLACE:
        return words
    return words[:LONGEST_PLACE].rpartition(" ")[0] + "…"


def _wrong(name: str, error: ChannelRefused) -> Finding:
    return Finding(name=name, is_well=False, message=error.message, hint=error.hint)
