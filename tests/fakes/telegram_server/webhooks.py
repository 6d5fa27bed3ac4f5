"""Updates by post: tried until they are taken, several at once, each chat's in their order."""

import heapq
import http.client
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fakes.telegram_server.records import Bot, Json, Update

MAX_THREADS = 100  # as many as one bot may want connections
SECRET = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An update as it is posted; a test may post it itself, in any order, twice."""

    update_id: int
    kind: str
    body: bytes
    headers: dict[str, str]


def delivery(bot: Bot, update: Update, *, secret: str | None = None) -> Delivery:
    """With the secret of the bot's webhook, or with another; an empty one is not sent."""
    token = bot.webhook.secret_token if secret is None else secret
    return Delivery(
        update_id=update.id,
        kind=update.kind,
        body=json.dumps(update.shown, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        headers={"Content-Type": "application/json"} | ({SECRET: token} if token else {}),
    )


@dataclass(eq=False)
class _Lane:
    """A chat's updates: the next one waits until this one is taken."""

    bot: Bot
    key: tuple[str, int]
    updates: deque[Update] = field(default_factory=deque)
    tries: int = 0

    def __lt__(self, other: "_Lane") -> bool:
        """Whose next update is older; a lane without any is soon thrown away."""
        if not (self.updates and other.updates):
            return not self.updates
        mine, theirs = self.updates[0], other.updates[0]
        return (mine.at, mine.id) < (theirs.at, theirs.id)


@dataclass(frozen=True)
class Reply:
    status: int = 0  # 0: there was none
    retry_after: int = 0
    body: bytes = b""
    problem: str = ""


class Postman:
    """Threads are made when there is work for them; each keeps its connection open.

    What is older goes first, so a bot with one connection gets all in their order, while nothing
    has to be tried again. An address that cannot be reached, `https` without a route, is not
    tried: its updates wait for a test to deliver them.
    """

    def __init__(
        self,
        lock: threading.RLock,
        *,
        routes: Mapping[str, str],
        pauses: Sequence[float],
        answered: Callable[[Bot, Update, Reply], None],
    ) -> None:
        self._work = threading.Condition(lock)
        self._done = threading.Condition(lock)
        self._routes = routes
        self._pauses = pauses
        self._answered = answered
        self._lanes: dict[tuple[int, tuple[str, int]], _Lane] = {}
        self._ready: list[_Lane] = []  # a heap, as the next two
        self._later: list[tuple[float, int, _Lane]] = []
        self._full: defaultdict[int, list[_Lane]] = defaultdict(list)
        self._busy: defaultdict[int, int] = defaultdict(int)
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._count = 0
        self._stopped = False

    def post(self, bot: Bot, update: Update) -> None:
        if not self._address(bot).startswith("http://"):
            return
        key = (bot.id, update.lane)
        lane = self._lanes.setdefault(key, _Lane(bot, update.lane))
        lane.updates.append(update)
        if len(lane.updates) == 1:
            self._make_ready(lane)

    def forget(self, bot: Bot) -> None:
        """The webhook is another one, or none: what was to be posted to it is not."""
        for lane in [each for each in self._lanes.values() if each.bot is bot]:
            lane.updates.clear()
            del self._lanes[bot.id, lane.key]
        self._done.notify_all()

    def stop(self) -> None:
        with self._work:
            self._stopped = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def idle(self, timeout: float) -> bool:
        """Wait until everything is taken; whether that came in time."""
        with self._done:
            return self._done.wait_for(lambda: not self._lanes, timeout)

    def _make_ready(self, lane: _Lane) -> None:
        heapq.heappush(self._ready, lane)
        self._summon()

    def _summon(self) -> None:
        """One more thread: whoever rests, or a new one."""
        if self._idle:
            self._work.notify()
        elif len(self._threads) < MAX_THREADS and not self._stopped:
            thread = threading.Thread(target=self._run, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        lines = _Lines()
        while (task := self._next()) is not None:
            lane, update, url = task
            reply = lines.post(url, delivery(lane.bot, update))
            with self._work:
                self._finish(lane, update, reply)
        lines.close()

    def _address(self, bot: Bot) -> str:
        url = bot.webhook.url
        for public, local in self._routes.items():
            if url.startswith(public):
                return local + url.removeprefix(public)
        return url

    def _next(self) -> tuple[_Lane, Update, str] | None:
        with self._work:
            while not self._stopped:
                self._wake_late()
                while self._ready:
                    lane = heapq.heappop(self._ready)
                    if not lane.updates:
                        continue
                    if self._busy[lane.bot.id] < lane.bot.webhook.max_connections:
                        self._busy[lane.bot.id] += 1
                        if self._ready:
                            self._summon()
                        return lane, lane.updates[0], self._address(lane.bot)
                    heapq.heappush(self._full[lane.bot.id], lane)
                self._rest()
            return None

    def _rest(self) -> None:
        self._idle += 1
        soonest = self._later[0][0] - time.monotonic() if self._later else None
        self._work.wait(None if soonest is None else max(soonest, 0.001))
        self._idle -= 1

    def _wake_late(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappush(self._ready, heapq.heappop(self._later)[2])

    def _finish(self, lane: _Lane, update: Update, reply: Reply) -> None:
        self._busy[lane.bot.id] -= 1
        if waiting := self._full[lane.bot.id]:
            heapq.heappush(self._ready, heapq.heappop(waiting))
        if lane.updates and lane.updates[0] is update:  # or the webhook was changed meanwhile
            self._answered(lane.bot, update, reply)
            if 200 <= reply.status < 300:
                self._take(lane)
            else:
                self._again(lane, reply)
        if not self._lanes:
            self._done.notify_all()

    def _take(self, lane: _Lane) -> None:
        if lane.updates:  # unless the answer was a call that ended the webhook
            lane.updates.popleft()
        lane.tries = 0
        if lane.updates:
            self._make_ready(lane)
        else:
            self._lanes.pop((lane.bot.id, lane.key), None)

    def _again(self, lane: _Lane, reply: Reply) -> None:
        pause = reply.retry_after or self._pauses[min(lane.tries, len(self._pauses) - 1)]
        lane.tries += 1
        self._count += 1
        heapq.heappush(self._later, (time.monotonic() + pause, self._count, lane))
        self._summon()  # to look at the clock, while this thread goes on


class _Lines:
    """One thread's connection."""

    def __init__(self) -> None:
        self._place = ""
        self._connection: http.client.HTTPConnection | None = None

    def post(self, url: str, sent: Delivery) -> Reply:
        address = urlsplit(url)
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        try:
            connection = self._to(address.netloc)
            connection.request("POST", path, sent.body, sent.headers)
            return _reply(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            refused = isinstance(error, ConnectionRefusedError)
            return Reply(problem="Connection refused" if refused else "Read timeout expired")

    def _to(self, place: str) -> http.client.HTTPConnection:
        if self._connection is None or self._place != place:
            self.close()
            self._connection = http.client.HTTPConnection(place, timeout=10)
            self._place = place
        return self._connection

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _reply(response: http.client.HTTPResponse) -> Reply:
    body = response.read()
    status = response.status
    if 200 <= status < 300:
        return Reply(status=status, body=body)
    problem = f"Wrong response from the webhook: {status} {response.reason}"
    wait = response.headers.get("Retry-After", "")
    return Reply(status=status, retry_after=int(wait) if wait.isdecimal() else 0, problem=problem)


def call_in(body: bytes) -> Json | None:
    """A method call that came as the answer of a webhook; most have none.

    What only asks, and what changes the webhook itself, is not done this way.
    """
    try:
        call = json.loads(body) if body else None
    except ValueError:
        return None
    method = str(call.get("method", "")).lower() if isinstance(call, dict) else ""
    kept_out = ("", "setwebhook", "deletewebhook", "close", "logout")
    return None if method in kept_out or method.startswith("get") else call
