"""The clock moves, and what was due meanwhile happens in its order."""

from fakes.twilio_server import sending
from fakes.twilio_server.book import Book


def advance(book: Book, to: int) -> None:
    if to < book.now:
        raise ValueError("Time does not go back.")
    while (alarm := book.next_alarm(to)) is not None:
        at, message = alarm
        book.now = max(book.now, at)
        if message is not None:
            sending.due(book, message)
    book.now = to
