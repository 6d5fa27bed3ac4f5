"""Between a request and its answer: who may ask, which key it bears, what goes wrong, the work."""

import hmac
import json
import logging
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fakes.form_contract import FormContract
from fakes.stripe_server.book import API_VERSION, Book, Cause
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.forms import Form
from fakes.stripe_server.idempotency import Answer, Keys
from fakes.stripe_server.operations.everything import perform
from fakes.stripe_server.records import Event, Json
from fakes.stripe_server.refusals import Refused

log = logging.getLogger(__name__)

# Of Stripe's own addresses, but not in the description that requests are checked against.
NOT_DESCRIBED = ("/v1/disputes", "/v1/invoice_payments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Form
    form: Form
    authorization: str
    idempotency_key: str | None
    stripe_version: str | None


class Service:
    """The account and its door. Safe for threads: work is done one request at a time."""

    def __init__(self, book: Book, *, key: str, contract: FormContract | None) -> None:
        self.book = book
        self.key = key
        self.contract = contract
        self.requests: list[Request] = []
        self.contract_problems: list[str] = []  # of Stripe's own description of requests
        self.crashes: list[str] = []  # mistakes of the simulation itself
        self.faults: deque[Fault] = deque()
        self.always = Fault()
        self.stopping = threading.Event()
        self._keys = Keys()
        self._lock = threading.RLock()
        self._told = 0

    @contextmanager
    def working(self) -> Iterator[Book]:
        with self._lock:
            try:
                yield self.book
            finally:
                new, self._told = self.book.events[self._told :], len(self.book.events)
                self.happened(new)

    def happened(self, events: list[Event]) -> None:
        """Called after each piece of work with its events."""

    def answer(self, request: Request) -> Answer | None:
        """None: the connection is reset instead."""
        with self._lock:
            self.requests.append(request)
            fault = self._next_fault(request)
            self._check(request)
        if fault.refuse:
            return None
        try:
            self._authenticate(request)
            answer = self._once(request, fault)
        except Refused as error:
            return _refusal(error)
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
        if self.contract and not request.path.startswith(NOT_DESCRIBED):
            self.contract_problems += self.contract.problems(
                request.method, request.path, query=request.query, form=request.form
            )

    def _authenticate(self, request: Request) -> None:
        expected = f"Bearer {self.key}"
        if not hmac.compare_digest(request.authorization.encode(), expected.encode()):
            shown = request.authorization.removeprefix("Bearer ")[:12]
            raise Refused(f"Invalid API Key provided: {shown}***", status=401)

    def _once(self, request: Request, fault: Fault) -> Answer:
        """Under its key, if it has one; only POST heeds them."""
        key = request.idempotency_key if request.method == "POST" else None
        if key is None:
            return self._answer_or_fault(request, fault)
        with self._lock:
            before = self._keys.take(key, path=request.path, form=request.form, now=self.book.now)
        if before is not None:
            return replace(before, headers=before.headers | {"Idempotent-Replayed": "true"})
        answer = self._answer_or_fault(request, fault)
        with self._lock:
            if fault.status:
                self._keys.release(key)
            else:
                self._keys.keep(key, answer)
        return answer

    def _answer_or_fault(self, request: Request, fault: Fault) -> Answer:
        if fault.hang_seconds:
            self.stopping.wait(fault.hang_seconds)
        return _scripted(fault.status, fault) if fault.status else self._work(request)

    def _work(self, request: Request) -> Answer:
        with self.working() as book:
            book.cause = Cause(request=book.new_id("req"), idempotency_key=request.idempotency_key)
            headers = {"Request-Id": str(book.cause.request), "Stripe-Version": API_VERSION}
            try:
                form = request.query | request.form
                result = perform(book, request.method, request.path, form)
            except Refused as error:
                return replace(_refusal(error), headers=headers)
            except Exception:
                log.exception("The simulation has a mistake.")
                self.crashes.append(traceback.format_exc())
                return _scripted(500, Fault())
            finally:
                book.cause = Cause()
        return Answer(status=200, body=_bytes(result), headers=headers)


def _refusal(error: Refused) -> Answer:
    return Answer(status=error.status, body=_bytes({"error": error.error}))


def _scripted(status: int, fault: Fault) -> Answer:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    type = "invalid_request_error" if status < 500 else "api_error"
    error = {"type": type, "message": "An error occurred with our connection to Stripe."}
    if status == 429:
        error |= {"code": "rate_limit", "message": "Too many requests."}
    return Answer(status=status, body=_bytes({"error": error}), headers=headers)


def _bytes(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
