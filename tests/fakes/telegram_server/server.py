"""Telegram on loopback: bots, people and chats, for tests and benchmarks.

`TelegramServer()` starts it; `base_url` and `base_file_url` are what the SDK's `Bot` takes. What
people do is a method of its own. Updates wait for `getUpdates`, or are posted to the webhook that
a bot has set; `deliveries` gives them to a test that wants to post them itself. Faults are used up
one a call in the order given, each by the first call that it is meant for; `always` is the fault
of every call that has none of its own. `limits` is None: a bot may send as much as it likes.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from fakes.bot_contract import BotContract, bot_contract
from fakes.telegram_server.connection import Http
from fakes.telegram_server.people import Telegram


class TelegramServer(Telegram):
    """Use it with `with`; after that its port is closed and its threads have ended.

    Webhooks are posted over plain HTTP, so only to addresses that begin with `http://`; `routes`
    tells where others really are, such as `{"https://sloth.test": "http://127.0.0.1:8000"}`. To
    the rest nothing is posted: a test delivers what waits there.
    `webhook_pauses` are the seconds before each further try; the last is repeated.
    """

    def __init__(
        self,
        contracts: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        routes: Mapping[str, str] | None = None,
        webhook_pauses: Sequence[float] = (0, 0.1, 0.2, 0.5, 1, 2),
        requires_https: bool = False,
        port: int = 0,
    ) -> None:
        self._http = Http(port)
        self._http.service = self
        super().__init__(
            clock=clock,
            contract=_contract(contracts),
            routes=routes,
            pauses=webhook_pauses,
            requires_https=requires_https,
        )
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with self.working() as book:
            book.mail.changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._postman.stop()

    def wait_for_webhooks(self, timeout: float = 10) -> bool:
        """Whether everything was taken in time."""
        return self._postman.idle(timeout)


def _contract(folder: Path | None) -> BotContract | None:
    document = folder / "telegram.bot-api.json" if folder else None
    return bot_contract(document) if document and document.is_file() else None
