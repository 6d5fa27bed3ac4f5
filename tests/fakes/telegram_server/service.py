"""Between a call and its answer: whose token it bears, what goes wrong, the work."""

import json
import logging
import re
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fakes.bot_contract import BotContract
from fakes.telegram_server.book import Book
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.limits import Limits
from fakes.telegram_server.operations.everything import Call, perform
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.records import Bot, Json, Update
from fakes.telegram_server.refusals import REASONS, Refused
from fakes.telegram_server.updates import Mail
from fakes.telegram_server.webhooks import Postman, Reply, call_in

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    at: float
    token: str
    method: str  # `file` for a download
    given: Mapping[str, Any]
    files: Sequence[str] = ()  # names of the fields that hold them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Service:
    """Telegram and its door. Safe for threads: work is done one call at a time."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        contract: BotContract | None = None,
        routes: Mapping[str, str] | None = None,
        pauses: Sequence[float] = (0, 0.1, 0.2, 0.5, 1, 2),
        requires_https: bool = False,
    ) -> None:
        self.contract = contract
        self.requires_https = requires_https
        self.limits: Limits | None = None
        self.requests: list[Request] = []
        self.contract_problems: list[str] = []  # of Telegram's own description
        self.crashes: list[str] = []  # mistakes of the simulation itself
        self.faults: deque[Fault] = deque()
        self.always = Fault()
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        mail = Mail(self._lock, self.stopping)
        self.book = Book(mail, clock)
        self._postman = Postman(
            self._lock, routes=routes or {}, pauses=pauses, answered=self._posted
        )
        mail.posted = self._postman.post
        mail.check = self._check_update

    @contextmanager
    def working(self) -> Iterator[Book]:
        with self._lock:
            yield self.book

    def answer(self, token: str, method: str, values: Values) -> Answer | None:
        """None: the connection is reset instead."""
        return self._faulty(
            self._remember(token, method, values), lambda: self._call(token, method, values)
        )

    def download(self, token: str, path: str) -> Answer | None:
        request = self._remember(token, "file", Values({"path": path}))
        return self._faulty(request, lambda: self._download(token, path))

    def _remember(self, token: str, method: str, values: Values) -> Request:
        with self._lock:
            request = Request(
                at=self.book.clock(),
                token=token,
                method=method,
                given=values.given,
                files=tuple(values.files),
            )
            self.requests.append(request)
            if self.contract and method != "file":
                self.contract_problems += self.contract.call_problems(
                    method, values.given, values.files
                )
        return request

    def _faulty(self, request: Request, work: Callable[[], Answer]) -> Answer | None:
        with self._lock:
            fault = self._next_fault(request)
        if fault.refuse:
            return None
        self.stopping.wait(fault.hang_seconds)
        if fault.status:
            return _scripted(fault.status, fault)
        answer = work()
        self.stopping.wait(fault.commit_then_hang_seconds)
        if fault.commit_then_drop:
            return None
        if fault.commit_then_status:
            return _scripted(fault.commit_then_status, fault)
        return replace(answer, body=answer.body[:20]) if fault.bad_json else answer

    def _next_fault(self, request: Request) -> Fault:
        about = (request.method, request.given.get("chat_id"))
        for fault in self.faults:
            if fault.meant_for(*about):
                self.faults.remove(fault)
                return fault
        return self.always if self.always.meant_for(*about) else Fault()

    def _bot(self, token: str) -> Bot:
        bot = self.book.bots.get(token)
        if bot is None:
            # What is no token at all leads to an address that there is not.
            raise Refused("", status=401 if re.match(r"\d+:", token) else 404)
        return bot

    def _call(self, token: str, method: str, values: Values) -> Answer:
        with self._lock:
            try:
                result = self._perform(self._bot(token), method, values)
                # Shown while the lock is held: a message may be changed a moment later.
                return Answer(status=200, body=_bytes({"ok": True, "result": result}))
            except Refused as error:
                return refusal(error)
            except Exception:
                log.exception("The simulation has a mistake.")
                self.crashes.append(traceback.format_exc())
                return refusal(Refused("", status=500))

    def _perform(self, bot: Bot, method: str, values: Values) -> Any:
        call = Call(
            book=self.book,
            bot=bot,
            method=method,
            values=values,
            postman=self._postman,
            limits=self.limits,
            requires_https=self.requires_https,
        )
        result = perform(call)
        if self.contract:
            self.contract_problems += self.contract.answer_problems(method, result)
        return result

    def _download(self, token: str, path: str) -> Answer:
        with self._lock:
            try:
                data = self.book.data_at(self._bot(token), path)
            except Refused as error:
                return refusal(error)
        return Answer(status=200, body=data, headers={"Content-Type": "application/octet-stream"})

    def _check_update(self, shown: Json) -> None:
        if self.contract:
            self.contract_problems += self.contract.type_problems("Update", shown)

    def _posted(self, bot: Bot, update: Update, reply: Reply) -> None:
        """A webhook has answered, or nobody did."""
        if reply.problem:
            bot.webhook.last_error_date = self.book.now
            bot.webhook.last_error_message = reply.problem
            return
        self.book.mail.taken(bot, update)
        if (call := call_in(reply.body)) is not None:
            values = Values({name: value for name, value in call.items() if name != "method"})
            self._remember(bot.token, str(call["method"]), values)
            self._call(bot.token, str(call["method"]), values)


def refusal(error: Refused) -> Answer:
    wait = error.body.get("parameters", {}).get("retry_after")
    headers = {"Retry-After": str(wait)} if wait else {}
    return Answer(status=error.status, body=_bytes(error.body), headers=headers)


def _scripted(status: int, fault: Fault) -> Answer:
    if fault.retry_after is None:
        return refusal(Refused("", status=status))
    parameters = {"retry_after": fault.retry_after}
    why = f"retry after {fault.retry_after}" if status in REASONS else ""
    return refusal(Refused(why, status=status, parameters=parameters))


def _bytes(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
