"""Twilio's WhatsApp on loopback: an account with a clock of its own, for tests and benchmarks.

`TwilioServer()` starts it, `url` is what the SDK's `client.api.base_url` takes. Time stands still
until `advance`; what people do are methods, and what was sent to them can be asked for. Faults are
used up one a request in the order given, each by the first request that it is meant for; `always`
is the fault of every request that has none of its own.
"""

import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from fakes.form_contract import FormContract, form_contract
from fakes.twilio_server import outgoing, sending
from fakes.twilio_server.account import ACCOUNT, AUTH_TOKEN, NUMBER, START, TwilioAccount
from fakes.twilio_server.book import Rules
from fakes.twilio_server.connection import Http
from fakes.twilio_server.records import Notice
from fakes.twilio_server.refusals import Refused
from fakes.twilio_server.replies import NotUnderstood, replies
from fakes.twilio_server.store import Store
from fakes.twilio_server.webhooks import Heard, Webhooks


class TwilioServer(TwilioAccount):
    """Use it with `with`; after that its ports are closed and its threads have ended."""

    def __init__(
        self,
        contracts: Path | None = None,
        *,
        start: datetime = START,
        sid: str = ACCOUNT,
        auth_token: str = AUTH_TOKEN,
        rules: Rules | None = None,
        webhook_url: str | None = None,  # of the first number
        status_url: str | None = None,
        via: str | None = None,  # where posts to public addresses go in truth
        webhooks_at_once: int = 1,  # with one they come in order
        port: int = 0,
    ) -> None:
        self._http, self._files = Http(port), Http()
        self._webhooks = Webhooks(auth_token, via=via, at_once=webhooks_at_once, heard=self._heard)
        super().__init__(
            url=self._http.url,
            store_url=self._files.url,
            start=start,
            sid=sid,
            auth_token=auth_token,
            rules=rules,
            contract=_contract(contracts),
        )
        self.store = Store(self.book)
        self._http.respond, self._files.respond = self.answer, self.store.answer
        self._threads = [
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for each in (self._http, self._files)
        ]
        self.add_number(NUMBER, webhook=webhook_url, status_callback=status_url)

    @property
    def url(self) -> str:
        return self._http.url

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._webhooks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._webhooks.stop()
        for server in (self._http, self._files):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def happened(self, notices: list[Notice]) -> None:
        self._webhooks.send(notices)

    def wait_for_webhooks(self, timeout: float = 10) -> bool:
        """Whether everything was delivered, or given up, in time."""
        return self._webhooks.idle(timeout)

    @property
    def undelivered(self) -> list[str]:
        """Sids of the messages that a webhook never took, or whose status it did not."""
        return list(self._webhooks.given_up)

    def _heard(self, notice: Notice, answer: Heard | None) -> None:
        """Send what the webhook answers to a message, write down what nobody understands."""
        if answer is None or answer.status >= 300:
            return self._warn(11200, "HTTP retrieval failure", notice)
        if notice.kind == "status":
            return None
        try:
            answered = replies(answer.content_type, answer.body)
        except NotUnderstood as error:
            return self._warn(error.code, str(error), notice)
        with self.working() as book, suppress(Refused):
            message = book.message(notice.message)
            for reply in answered:
                form = {"To": [message.sender], "From": [message.recipient], "Body": [reply.body]}
                asked = outgoing.read(book, form | {"MediaUrl": reply.media})
                sending.send(book, asked, direction="outbound-reply")
        return None

    def _warn(self, code: int, text: str, notice: Notice) -> None:
        with self._lock:
            warning = {"code": code, "message": text, "url": notice.url, "sid": notice.message}
            self.book.warnings.append(warning)


def _contract(folder: Path | None) -> FormContract | None:
    document = folder / "twilio.openapi.json" if folder else None
    return form_contract(document) if document and document.is_file() else None
