"""Events as signed deliveries, and a sender that tries until somebody takes them."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from fakes.stripe_server.records import Event


@dataclass(frozen=True, kw_only=True)
class Delivery:
    event: str
    type: str
    body: bytes
    headers: dict[str, str]


def delivery(event: Event, secrets: Sequence[str], *, at: int | None = None) -> Delivery:
    """Signed with every secret, as while one is rolled over to the next.

    The time of the signature is the real one, not the account's: whoever checks it looks at a
    clock on the wall.
    """
    body = json.dumps(event.shown, indent=2, ensure_ascii=False).encode()
    moment = int(time.time()) if at is None else at
    return Delivery(
        event=event.id,
        type=event.type,
        body=body,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, secrets, at=moment),
        },
    )


def signature(body: bytes, secrets: Sequence[str], *, at: int) -> str:
    signed = b"%d.%s" % (at, body)
    digests = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in secrets]
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])


class Sender:
    """Posts in the order of the events; one that is refused is tried again after the others."""

    def __init__(self, url: str, secrets: Sequence[str], retry_seconds: Sequence[float]) -> None:
        self._url = urlsplit(url)
        self._secrets = secrets
        self._retry_seconds = retry_seconds
        self._waiting: deque[tuple[float, int, Event]] = deque()
        self._changed = threading.Condition()
        self._busy = self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.undelivered: list[str] = []  # ids of the events that nobody took

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def send(self, events: Sequence[Event]) -> None:
        with self._changed:
            self._waiting.extend((0.0, 0, event) for event in events)
            self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait until everything is delivered or given up; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), timeout)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            tries, event = task
            taken = self._post(event)
            with self._changed:
                self._busy = False
                if not taken:
                    self._again(tries, event)
                self._changed.notify_all()

    def _next(self) -> tuple[int, Event] | None:
        with self._changed:
            while not self._stopped:
                for place, (due, tries, event) in enumerate(self._waiting):
                    if due <= time.monotonic():
                        del self._waiting[place]
                        self._busy = True
                        return tries, event
                soonest = min((due for due, *_ in self._waiting), default=None)
                self._changed.wait(soonest and max(soonest - time.monotonic(), 0.001))
            return None

    def _again(self, tries: int, event: Event) -> None:
        if tries < len(self._retry_seconds):
            due = time.monotonic() + self._retry_seconds[tries]
            self._waiting.append((due, tries + 1, event))
        else:
            self.undelivered.append(event.id)

    def _post(self, event: Event) -> bool:
        sent = delivery(event, self._secrets)
        connection = http.client.HTTPConnection(self._url.netloc, timeout=10)
        try:
            connection.request("POST", self._url.path or "/", sent.body, sent.headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
