"""What customers send to a number."""

from collections.abc import Sequence

from fakes.twilio_server import posts
from fakes.twilio_server.book import DAY, Book
from fakes.twilio_server.records import Customer, Media, Message, Parameters, Sender, Status

SANDBOX_LASTS = 3 * DAY


def receive(
    book: Book,
    customer: Customer,
    sender: Sender,
    *,
    type: str,
    body: str = "",
    files: Sequence[tuple[str, bytes]] = (),
    more: Parameters = (),
) -> Message:
    """Keep it, tell the webhook. A sandbox keeps to itself who joins, and who has not joined."""
    message = incoming(book, customer, sender, body=body, files=files)
    book.messages[message.sid] = message
    if sender.sandbox and not _passes_sandbox(book, customer, sender, body):
        return message
    customer.wrote[sender.address] = book.now
    form = posts.received(book, message, customer, type=type, more=more)
    posts.tell_received(book, sender, message, form)
    return message


def incoming(
    book: Book,
    customer: Customer,
    sender: Sender,
    *,
    body: str = "",
    files: Sequence[tuple[str, bytes]] = (),
) -> Message:
    """As it would be, before anybody has it."""
    return Message(
        sid=book.new_id("MM" if files else "SM"),
        direction="inbound",
        sender=customer.address,
        recipient=sender.address,
        created=book.now,
        updated=book.now,
        sent_at=book.now,
        status=Status.RECEIVED,
        body=body,
        media=[
            Media(sid=book.new_id("ME"), content_type=kind, content=content, created=book.now)
            for kind, content in files
        ],
    )


def has_joined(book: Book, customer: Customer, sender: Sender) -> bool:
    joined = customer.joined.get(sender.address)
    return joined is not None and book.now < joined + SANDBOX_LASTS


def _passes_sandbox(book: Book, customer: Customer, sender: Sender, body: str) -> bool:
    words = body.strip().lower()
    if words == f"join {sender.sandbox}":
        customer.joined[sender.address] = customer.wrote[sender.address] = book.now
        return False
    if words == "stop":
        customer.joined.pop(sender.address, None)
    return has_joined(book, customer, sender)
