"""An outgoing message's life: queued, sent, delivered, read, or why not."""

from typing import Literal

from fakes.twilio_server import posts
from fakes.twilio_server.book import DAY, Book
from fakes.twilio_server.outgoing import Outgoing, content_type
from fakes.twilio_server.receiving import has_joined
from fakes.twilio_server.records import Media, Message, Status

WINDOW = DAY


def send(
    book: Book,
    asked: Outgoing,
    *,
    direction: Literal["outbound-api", "outbound-reply"] = "outbound-api",
) -> Message:
    """Queue it; whether WhatsApp takes it shows later."""
    message = Message(
        sid=book.new_id("MM" if asked.media else "SM"),
        direction=direction,
        sender=asked.sender.address,
        recipient=asked.recipient,
        created=book.now,
        updated=book.now,
        status=Status.QUEUED,
        body=asked.text,
        media=[_medium(book, url) for url in asked.media],
        template=asked.template,
        location=asked.location,
        complete=asked.complete,
        status_callback=asked.status_callback,
    )
    book.messages[message.sid] = message
    posts.tell_status(book, message)
    book.wake(message, after=book.rules.sent_after)
    return message


def due(book: Book, message: Message) -> None:
    """The next step of its life."""
    if message.status is Status.QUEUED:
        _hand_over(book, message)
    elif message.status is Status.SENT:
        deliver(book, message)


def deliver(book: Book, message: Message) -> None:
    """Onto the phone; one that is switched off gets it later."""
    customer = book.customer(message.recipient)
    if message.sender in customer.blocks:
        if book.rules.blocking_is_told:
            _end(book, message, Status.UNDELIVERED, 63014)
    elif not customer.on_whatsapp:
        _end(book, message, Status.UNDELIVERED, 63024)
    elif customer.reachable:
        _move(book, message, Status.DELIVERED)


def read(book: Book, message: Message) -> None:
    _move(book, message, Status.READ)


def _hand_over(book: Book, message: Message) -> None:
    if (error := _barred(book, message)) is None:
        message.sent_at = book.now
        _move(book, message, Status.SENT)
        book.wake(message, after=book.rules.delivered_after)
    elif error == 63016:
        _end(book, message, book.rules.outside_window, error)
    else:
        _end(book, message, Status.FAILED, error)


def _barred(book: Book, message: Message) -> int | None:
    """Why WhatsApp does not take it."""
    customer, sender = book.customer(message.recipient), book.senders[message.sender]
    if sender.sandbox and not has_joined(book, customer, sender):
        return 63015
    wrote = customer.wrote.get(message.sender)
    open = wrote is not None and book.now < wrote + WINDOW
    if not open and not (message.template and message.template.approved):
        return 63016
    if len(message.media) > 1:
        return 63021
    return None if message.complete else 63028


def _move(book: Book, message: Message, status: Status) -> None:
    message.status, message.updated = status, book.now
    posts.tell_status(book, message)


def _end(book: Book, message: Message, status: Status, error: int) -> None:
    message.error = error
    _move(book, message, status)


def _medium(book: Book, url: str) -> Media:
    sid, kind = book.new_id("ME"), content_type(url)
    return Media(sid=sid, content_type=kind, created=book.now, source=url)
