"""Between a request and its answer: who may ask, how often, what goes wrong, the work."""

import base64
import hmac
import logging
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fakes.form_contract import FormContract
from fakes.twilio_server import passing_time
from fakes.twilio_server.book import Book
from fakes.twilio_server.exchange import Answer, Request, as_json, as_tree
from fakes.twilio_server.faults import Fault
from fakes.twilio_server.operations import is_download, perform
from fakes.twilio_server.rates import Rate
from fakes.twilio_server.records import Notice
from fakes.twilio_server.refusals import Refused, not_authenticated, too_many_requests

log = logging.getLogger(__name__)


class Service:
    """The account and its door. Safe for threads: work is done one request at a time."""

    def __init__(self, book: Book, *, contract: FormContract | None) -> None:
        self.book = book
        self.contract = contract
        self.requests: list[Request] = []
        self.contract_problems: list[str] = []  # of Twilio's own description of requests
        self.crashes: list[str] = []  # mistakes of the simulation itself
        self.faults: deque[Fault] = deque()
        self.always = Fault()
        self.stopping = threading.Event()
        self._rate = Rate(book.rules.requests_per_second)
        self._lock = threading.RLock()
        self._told = 0

    @property
    def auth_token(self) -> str:
        return self.book.auth_token

    @contextmanager
    def working(self) -> Iterator[Book]:
        with self._lock:
            try:
                yield self.book
            finally:
                passing_time.advance(self.book, self.book.now)
                new, self._told = self.book.notices[self._told :], len(self.book.notices)
                self.happened(new)

    def happened(self, notices: list[Notice]) -> None:
        """Called after each piece of work with what webhooks have to hear."""

    def answer(self, request: Request) -> Answer | None:
        """None: the connection is reset instead."""
        with self._lock:
            self.requests.append(request)
            fault = self._next_fault(request)
            self._check(request)
            in_time = self._rate.allows()
        if fault.refuse:
            return None
        if fault.hang_seconds:
            self.stopping.wait(fault.hang_seconds)
        if fault.status:
            return _scripted(fault.status, fault)
        if not in_time:
            return _refusal(too_many_requests(), {"Retry-After": "1"})
        answer = self._work(request)
        if fault.commit_then_drop:
            return None
        if fault.commit_then_status:
            return _scripted(fault.commit_then_status, fault)
        return replace(answer, body=answer.body[:20]) if fault.bad_json else answer

    def _next_fault(self, request: Request) -> Fault:
        for fault in self.faults:
            if fault.meant_for(request.method, request.path):
                self.faults.remove(fault)
                return fault
        return self.always if self.always.meant_for(request.method, request.path) else Fault()

    def _check(self, request: Request) -> None:
        if self.contract and not is_download(request.path):
            query, form = as_tree(request.query), as_tree(request.form)
            self.contract_problems += self.contract.problems(
                request.method, request.path, query=query, form=form
            )

    def _work(self, request: Request) -> Answer:
        with self.working() as book:
            try:
                self._authenticate(request)
                return perform(book, request)
            except Refused as error:
                return _refusal(error)
            except Exception:
                log.exception("The simulation has a mistake.")
                self.crashes.append(traceback.format_exc())
                return _scripted(500, Fault())

    def _authenticate(self, request: Request) -> None:
        if not self.book.rules.media_need_auth and is_download(request.path):
            return
        pair = f"{self.book.sid}:{self.auth_token}".encode()
        expected = f"Basic {base64.b64encode(pair).decode()}"
        if not hmac.compare_digest(request.authorization.encode(), expected.encode()):
            raise not_authenticated()


def _refusal(error: Refused, more: dict[str, str] | None = None) -> Answer:
    answer = as_json(error.error, status=error.status)
    return replace(answer, headers=answer.headers | error.headers | (more or {}))


def _scripted(status: int, fault: Fault) -> Answer:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if status == 429:
        return _refusal(too_many_requests(), headers)
    code = 20500 if status == 500 else 20000 + status
    return _refusal(Refused(code, "An internal server error has occurred", status=status), headers)
