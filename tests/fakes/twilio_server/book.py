"""The account's state, its clock, and what is due when."""

import heapq
from dataclasses import dataclass, field
from uuid import uuid4

from fakes.twilio_server.records import (
    Customer,
    Json,
    Message,
    Notice,
    Sender,
    Status,
    Template,
    address,
)
from fakes.twilio_server.refusals import not_found

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How this Twilio behaves; a message goes all the way at once unless it is told to wait."""

    sent_after: int = 0  # seconds of the account's clock, from `queued`
    delivered_after: int = 0  # from `sent`
    outside_window: Status = Status.UNDELIVERED  # Twilio says `failed` as well
    blocking_is_told: bool = True  # False: what a blocked sender sends stays `sent` for ever
    media_need_auth: bool = True
    requests_per_second: int | None = None  # of the clock on the wall; more get 429


@dataclass
class Book:
    now: int
    sid: str
    auth_token: str
    url: str
    store_url: str  # where files are, another host than `url`
    rules: Rules
    senders: dict[str, Sender] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    warnings: list[Json] = field(default_factory=list)  # as in the console's error log
    _alarms: list[tuple[int, int, str]] = field(default_factory=list)
    _rung: int = 0

    def new_id(self, prefix: str) -> str:
        return prefix + uuid4().hex

    def customer(self, phone: str) -> Customer:
        """Whoever was never heard of has a phone with WhatsApp, too."""
        return self.customers.setdefault(address(phone), Customer(address=address(phone)))

    def message(self, sid: str) -> Message:
        if sid not in self.messages:
            raise not_found(f"/2010-04-01/Accounts/{self.sid}/Messages/{sid}.json")
        return self.messages[sid]

    def wake(self, message: Message, *, after: int) -> None:
        self._rung += 1
        heapq.heappush(self._alarms, (self.now + after, self._rung, message.sid))

    def next_alarm(self, until: int) -> tuple[int, Message | None] | None:
        """The message is None if it was deleted meanwhile."""
        if not self._alarms or self._alarms[0][0] > until:
            return None
        at, _, sid = heapq.heappop(self._alarms)
        return at, self.messages.get(sid)
