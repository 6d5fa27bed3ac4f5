"""WhatsApp, through Twilio."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from sloth_agent.adapters.channels import whatsapp_events
from sloth_agent.adapters.channels.twilio_account import TwilioAccount
from sloth_agent.adapters.channels.twilio_client import API, PATIENCE, TwilioClient, twilio_line
from sloth_agent.adapters.channels.whatsapp_line import WINDOW, WhatsAppLine, checked_template
from sloth_agent.adapters.channels.whatsapp_requests import payload_of
from sloth_agent.adapters.guarded_fetching import GuardedFetching, Login, origin_of
from sloth_agent.adapters.outgoing import Patience
from sloth_agent.channels.messages import (
    Capabilities,
    Delivery,
    Inbound,
    Measure,
    Payload,
    WebhookRequest,
)
from sloth_agent.channels.models import Credentials
from sloth_agent.clock import Clock, system_clock
from sloth_agent.settings import Settings

PAUSES = (0.4, 0.8, 1.6, 2.4)


class WhatsApp:
    """`Messenger`."""

    capabilities = Capabilities(
        longest_text=1600, measure=Measure.UTF16, writes_first_within=WINDOW
    )

    def __init__(
        self,
        *,
        base: str = API,
        files: GuardedFetching,
        pauses: Sequence[float] = PAUSES,
        patience: Patience = PATIENCE,
        clock: Clock = system_clock,
    ) -> None:
        self._base = base
        self._files = files
        self._pauses = pauses
        self._clock = clock
        self._line = twilio_line(base, patience)

    @asynccontextmanager
    async def open(
        self, credentials: Credentials, settings: Mapping[str, object]
    ) -> AsyncIterator[WhatsAppLine]:
        """A template may stand with the credentials, where it is connected.

        Raises:
            ChannelRefused: credentials that Twilio cannot have given.
            InvalidInput: no content sid where the template's should be.
        """
        account = TwilioAccount.of(credentials)
        template = checked_template(settings.get("template") or credentials.values.get("template"))
        callback = settings.get("webhook")
        twilio = TwilioClient(account, base=self._base, line=self._line)
        try:
            yield WhatsAppLine(
                account=account,
                twilio=twilio,
                files=self._files,
                login=Login(origin=origin_of(self._base), user=account.sid, password=account.token),
                template=template,
                callback=callback if isinstance(callback, str) else None,
                pauses=self._pauses,
                clock=self._clock,
            )
        finally:
            twilio.close()

    def new_secrets(self) -> Mapping[str, str]:
        """None: Twilio signs with the auth token."""
        return {}

    def read_request(self, request: WebhookRequest, credentials: Credentials) -> Sequence[Payload]:
        return [payload_of(request, TwilioAccount.of(credentials), now=self._clock())]

    def read(self, payload: Payload, settings: Mapping[str, object]) -> Inbound | None:  # noqa: ARG002
        return whatsapp_events.inbound(payload)

    def read_delivery(self, payload: Payload) -> Delivery | None:
        return whatsapp_events.delivery(payload)


def from_settings(settings: Settings) -> WhatsApp:
    base = (settings.twilio_api_base or API).rstrip("/")
    trusted = {origin_of(each) for each in settings.trusted_file_hosts}
    if settings.twilio_api_base:
        trusted.add(origin_of(base))
    return WhatsApp(base=base, files=GuardedFetching(trusted=trusted))
