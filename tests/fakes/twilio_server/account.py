"""A simulated account: its numbers, the people who write to them, what happened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from fakes.form_contract import FormContract
from fakes.twilio_server import malformed, passing_time, posts, receiving, samples, sending
from fakes.twilio_server.book import Book, Rules
from fakes.twilio_server.posts import Post
from fakes.twilio_server.records import (
    Customer,
    Json,
    Message,
    Parameters,
    Sender,
    Status,
    Template,
    address,
)
from fakes.twilio_server.service import Service

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
ACCOUNT = "AC" + "5107" * 8
AUTH_TOKEN = "70f15107" * 4
NUMBER = "+14155238886"
ANNA = "+380501112233"


class TwilioAccount(Service):
    """Time stands still until `advance`; what people do are methods.

    Whoever writes does so to the first number, unless `to` names another.
    """

    def __init__(
        self,
        *,
        url: str = "http://twilio.invalid",
        store_url: str = "http://files.twilio.invalid",
        start: datetime = START,
        sid: str = ACCOUNT,
        auth_token: str = AUTH_TOKEN,
        rules: Rules | None = None,
        contract: FormContract | None = None,
    ) -> None:
        book = Book(
            now=int(start.timestamp()),
            sid=sid,
            auth_token=auth_token,
            url=url,
            store_url=store_url,
            rules=rules or Rules(),
        )
        super().__init__(book, contract=contract)
        self.add_number(NUMBER)

    @property
    def sid(self) -> str:
        return self.book.sid

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.book.now, UTC)

    def advance(self, to: datetime) -> None:
        """Messages that wait are sent and delivered, windows close: all until that moment."""
        with self.working() as book:
            passing_time.advance(book, int(to.timestamp()))

    # The console

    def add_number(
        self,
        phone: str,
        *,
        webhook: str | None = None,
        fallback: str | None = None,
        status_callback: str | None = None,
        sandbox: str | None = None,
    ) -> None:
        """A sender, or another setting of one; with a word for `join <word>` it is a sandbox."""
        with self.working() as book:
            book.senders[address(phone)] = Sender(
                address=address(phone),
                webhook=webhook,
                fallback=fallback,
                status_callback=status_callback,
                sandbox=sandbox,
            )

    def add_template(
        self, body: str, *, defaults: dict[str, str] | None = None, approved: bool = True
    ) -> str:
        """Its content sid. Places are written `{{1}}`; one without a default has to be filled."""
        with self.working() as book:
            template = Template(
                sid=book.new_id("HX"), body=body, defaults=defaults or {}, approved=approved
            )
            book.templates[template.sid] = template
            return template.sid

    # People

    def write(self, phone: str, text: str, *, name: str = "", to: str = "") -> str:
        """The message's sid, as of all that people send."""
        return self._received(phone, name, to, type="text", body=text)

    def send_photo(
        self, phone: str, content: bytes = samples.PHOTO, *, caption: str = "", to: str = ""
    ) -> str:
        files = [("image/jpeg", content)]
        return self._received(phone, "", to, type="image", body=caption, files=files)

    def send_document(
        self,
        phone: str,
        content: bytes = samples.DOCUMENT,
        *,
        file_name: str = "price list.pdf",
        content_type: str = "application/pdf",
        to: str = "",
    ) -> str:
        """Twilio tells a file's name as the text."""
        files = [(content_type, content)]
        return self._received(phone, "", to, type="document", body=file_name, files=files)

    def send_voice(self, phone: str, content: bytes = samples.VOICE, *, to: str = "") -> str:
        files = [("audio/ogg", content)]
        return self._received(phone, "", to, type="audio", files=files)

    def send_location(
        self,
        phone: str,
        latitude: float,
        longitude: float,
        *,
        label: str = "",
        address: str = "",
        to: str = "",
    ) -> str:
        more = [("Latitude", str(latitude)), ("Longitude", str(longitude))]
        more += [(name, it) for name, it in (("Label", label), ("Address", address)) if it]
        return self._received(phone, "", to, type="location", more=tuple(more))

    def press_button(
        self, phone: str, text: str, *, payload: str = "", on: str = "", to: str = ""
    ) -> str:
        """A quick reply, under the message whose sid is `on`."""
        more = [("ButtonText", text), ("ButtonPayload", payload or text)]
        if on:
            more += [("OriginalRepliedMessageSid", on)]
            more += [("OriginalRepliedMessageSender", self._number(to).address)]
        pressed = self.book.messages.get(on)
        is_template = pressed and pressed.template and pressed.template.approved
        type = "button" if is_template else "interactive"
        return self._received(phone, "", to, type=type, body=text, more=tuple(more))

    def block(self, phone: str, number: str = "") -> None:
        self._customer(phone, lambda it: it.blocks.add(self._number(number).address))

    def unblock(self, phone: str, number: str = "") -> None:
        self._customer(phone, lambda it: it.blocks.discard(self._number(number).address))

    def leave_whatsapp(self, phone: str) -> None:
        self._customer(phone, lambda it: setattr(it, "on_whatsapp", False))

    def switch_off(self, phone: str) -> None:
        self._customer(phone, lambda it: setattr(it, "reachable", False))

    def switch_on(self, phone: str) -> None:
        """What was sent meanwhile arrives."""
        self._customer(phone, lambda it: setattr(it, "reachable", True))
        with self.working() as book:
            for message in self._sent(phone, Status.SENT):
                sending.deliver(book, message)

    def read(self, phone: str) -> None:
        """All that has arrived."""
        with self.working() as book:
            for message in self._sent(phone, Status.DELIVERED):
                sending.read(book, message)

    # What happened

    def sent_to(self, phone: str, *statuses: Status | str) -> list[Message]:
        """In the order in which it was asked for; whatever became of it, or only some."""
        with self._lock:
            return [replace(each) for each in self._sent(phone, *statuses)]

    def texts_to(self, phone: str) -> list[str]:
        """Of what has arrived."""
        return [each.body for each in self.sent_to(phone, Status.DELIVERED, Status.READ)]

    def message(self, sid: str) -> Message:
        with self._lock:
            return replace(self.book.message(sid))

    @property
    def warnings(self) -> list[Json]:
        """The console's error log: what webhooks answered that Twilio does not understand."""
        with self._lock:
            return list(self.book.warnings)

    def deliveries(
        self, *kinds: str, auth_token: str | None = None, url: str | None = None
    ) -> list[Post]:
        """The posts to webhooks, for a test to send itself: `message`, `status`, or both.

        They are signed for the webhook's address, or another, with our token, or another. What
        has no webhook is not among them, unless `url` is one.
        """
        with self._lock:
            chosen = [each for each in self.book.notices if not kinds or each.kind in kinds]
        token = auth_token or self.auth_token
        addressed = [(each, url or each.url) for each in chosen]
        return [posts.post(each, token, url=to) for each, to in addressed if to]

    def malformed_posts(self, count: int, seed: int = 0, *, url: str = "") -> list[Post]:
        """Posts that are signed well and otherwise wrong; the same for the same seed."""
        with self._lock:
            sender = self._number("")
            genuine = self._genuine(sender)
            address = url or sender.webhook
        if not address:
            raise ValueError("The number has no webhook: say which address to sign for.")
        leads = f"{self.book.store_url}/leads-to?to="
        return malformed.posts_for(
            count, seed, genuine=genuine, url=address, auth_token=self.auth_token, leads=leads
        )

    def _genuine(self, sender: Sender) -> list[Parameters]:
        """Forms of each kind, which are nowhere kept."""
        customer = Customer(address=address(ANNA))
        text = receiving.incoming(self.book, customer, sender, body="Скільки коштує манікюр?")
        photo = receiving.incoming(
            self.book, customer, sender, files=[("image/jpeg", samples.PHOTO)]
        )
        place = (("Latitude", "50.45"), ("Longitude", "30.52"), ("Label", "Salon"))
        button = (("ButtonText", "Так"), ("ButtonPayload", "yes"))
        sent = replace(text, sender=text.recipient, recipient=text.sender, status=Status.SENT)
        return [
            posts.received(self.book, text, customer, type="text"),
            posts.received(self.book, photo, customer, type="image"),
            posts.received(self.book, text, customer, type="location", more=place),
            posts.received(self.book, text, customer, type="button", more=button),
            posts.status_changed(self.book, sent),
        ]

    def _received(
        self,
        phone: str,
        name: str,
        to: str,
        *,
        type: str,
        body: str = "",
        files: list[tuple[str, bytes]] | None = None,
        more: Parameters = (),
    ) -> str:
        with self.working() as book:
            customer = book.customer(phone)
            customer.name = name or customer.name
            return receiving.receive(
                book,
                customer,
                self._number(to),
                type=type,
                body=body,
                files=files or (),
                more=more,
            ).sid

    def _number(self, phone: str) -> Sender:
        senders = self.book.senders
        return senders[address(phone)] if phone else next(iter(senders.values()))

    def _customer(self, phone: str, change: Callable[[Customer], None]) -> None:
        with self.working() as book:
            change(book.customer(phone))

    def _sent(self, phone: str, *statuses: Status | str) -> list[Message]:
        return [
            each
            for each in self.book.messages.values()
            if each.recipient == address(phone)
            and each.direction != "inbound"
            and (not statuses or each.status in statuses)
        ]
