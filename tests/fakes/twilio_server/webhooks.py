"""Posts what webhooks have to hear, as patiently as Twilio does.

That is not very: where no connection comes about it tries once more; a message that the webhook
answers wrongly goes to the fallback address, if there is one; then it is given up.
"""

import http.client
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fakes.twilio_server.posts import Post, post
from fakes.twilio_server.records import Notice, Parameters

TRIES = 2
ANSWERS_WITHIN = 15  # seconds


@dataclass(frozen=True, kw_only=True)
class Heard:
    status: int
    content_type: str
    body: bytes


class Webhooks:
    """`via` is where the posts go in truth: the address they are signed for may be a public one."""

    def __init__(
        self,
        auth_token: str,
        *,
        via: str | None,
        at_once: int,
        heard: Callable[[Notice, Heard | None], None],
    ) -> None:
        self._auth_token = auth_token
        self._via = via
        self._heard = heard
        self._waiting: queue.Queue[Notice | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(at_once)]
        self._changed = threading.Condition()
        self._open = 0
        self._stopped = False
        self.given_up: list[str] = []  # sids of the messages that nobody took

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped = True
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def send(self, notices: list[Notice]) -> None:
        for notice in notices:
            if notice.url:
                with self._changed:
                    self._open += 1
                self._waiting.put(notice)

    def idle(self, timeout: float) -> bool:
        """Wait until everything is delivered or given up; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _run(self) -> None:
        while (notice := self._waiting.get()) is not None and not self._stopped:
            try:
                self._heard(notice, self._deliver(notice))
            finally:
                with self._changed:
                    self._open -= 1
                    self._changed.notify_all()

    def _deliver(self, notice: Notice) -> Heard | None:
        answer = self._asked(notice, notice.url or "")
        if answer is None or not _good(answer):
            answer = self._asked_fallback(notice) if notice.fallback else answer
        if answer is None or not _good(answer):
            self.given_up.append(notice.message)
        return answer

    def _asked_fallback(self, notice: Notice) -> Heard | None:
        more = (("ErrorCode", "11200"), ("ErrorUrl", notice.url or ""))
        return self._asked(notice, notice.fallback or "", more)

    def _asked(self, notice: Notice, url: str, more: Parameters = ()) -> Heard | None:
        """None: no connection came about, or it broke."""
        sent = post(notice, self._auth_token, url=url, more=more)
        for _ in range(TRIES):
            connection = self._connection(url)
            try:
                connection.connect()
            except OSError:
                continue
            return _answer(connection, sent)
        return None

    def _connection(self, url: str) -> http.client.HTTPConnection:
        netloc = urlsplit(self._via or url).netloc
        return http.client.HTTPConnection(netloc, timeout=ANSWERS_WITHIN)


def _answer(connection: http.client.HTTPConnection, sent: Post) -> Heard | None:
    address = urlsplit(sent.url)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("POST", path, sent.body, sent.headers | {"Host": address.netloc})
        answer = connection.getresponse()
        kind = answer.getheader("Content-Type", "")
        return Heard(status=answer.status, content_type=kind, body=answer.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _good(answer: Heard) -> bool:
    return 200 <= answer.status < 300
