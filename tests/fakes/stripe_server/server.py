"""Stripe on loopback: a simulated account with a clock of its own, for tests and benchmarks.

`StripeServer()` starts it, `url` is what `STRIPE_API_BASE` takes. Time stands still until
`advance`; the payer, the bank and the firm's dashboard are methods. Faults are used up one a
request in the order given, each by the first request that it is meant for; `always` is the fault
of every request that has none of its own.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from fakes.form_contract import FormContract, form_contract
from fakes.stripe_server.account import START, StripeAccount
from fakes.stripe_server.book import Rules
from fakes.stripe_server.connection import Http
from fakes.stripe_server.records import Event
from fakes.stripe_server.webhooks import Sender


class StripeServer(StripeAccount):
    """Use it with `with`; after that its port is closed and its threads have ended."""

    def __init__(
        self,
        contracts: Path | None = None,
        *,
        start: datetime = START,
        key: str = "sk_test_loopback",
        secrets: Sequence[str] = ("whsec_loopback",),
        rules: Rules | None = None,
        webhook_url: str | None = None,
        webhook_retry_seconds: Sequence[float] = (0.1, 0.2, 0.5, 1, 2),
        port: int = 0,
    ) -> None:
        self._http = Http(port)
        self._http.service = self
        super().__init__(
            url=self.url,
            start=start,
            key=key,
            secrets=secrets,
            rules=rules,
            contract=_contract(contracts),
        )
        self._sender = (
            Sender(webhook_url, self.secrets, webhook_retry_seconds) if webhook_url else None
        )
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        if self._sender:
            self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if self._sender:
            self._sender.stop()

    def happened(self, events: list[Event]) -> None:
        if self._sender and events:
            self._sender.send(events)

    def wait_for_webhooks(self, timeout: float = 10) -> bool:
        """Whether everything was delivered, or given up, in time."""
        return self._sender is None or self._sender.idle(timeout)

    @property
    def undelivered(self) -> list[str]:
        """Ids of the events that the webhook never took."""
        return list(self._sender.undelivered) if self._sender else []


def _contract(folder: Path | None) -> FormContract | None:
    document = folder / "stripe.openapi.json" if folder else None
    return form_contract(document) if document and document.is_file() else None
