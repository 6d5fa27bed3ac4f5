"""Records as Twilio shows them."""

from datetime import UTC, datetime
from email.utils import format_datetime

from fakes.twilio_server.book import Book
from fakes.twilio_server.records import Json, Media, Message
from fakes.twilio_server.refusals import FAILURES

API = "/2010-04-01"
API_VERSION = "2010-04-01"


def account_shown(book: Book) -> Json:
    uri = f"{API}/Accounts/{book.sid}"
    return {
        "auth_token": book.auth_token,
        "date_created": _date(book.now),
        "date_updated": _date(book.now),
        "friendly_name": "Sloth",
        "owner_account_sid": book.sid,
        "sid": book.sid,
        "status": "active",
        "subresource_uris": {"messages": f"{uri}/Messages.json"},
        "type": "Full",
        "uri": f"{uri}.json",
    }


def message_shown(book: Book, it: Message) -> Json:
    uri = f"{API}/Accounts/{book.sid}/Messages/{it.sid}"
    return {
        "account_sid": book.sid,
        "api_version": API_VERSION,
        "body": it.body,
        "date_created": _date(it.created),
        "date_sent": None if it.sent_at is None else _date(it.sent_at),
        "date_updated": _date(it.updated),
        "direction": it.direction,
        "error_code": it.error,
        "error_message": None if it.error is None else FAILURES[it.error],
        "from": it.sender,
        "messaging_service_sid": None,
        "num_media": str(len(it.media)),
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": it.sid,
        "status": it.status.value,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": it.recipient,
        "uri": f"{uri}.json",
    }


def media_shown(book: Book, message: Message, it: Media) -> Json:
    return {
        "account_sid": book.sid,
        "content_type": it.content_type,
        "date_created": _date(it.created),
        "date_updated": _date(it.created),
        "parent_sid": message.sid,
        "sid": it.sid,
        "uri": f"{media_path(book, message, it)}.json",
    }


def media_path(book: Book, message: Message, it: Media) -> str:
    return f"{API}/Accounts/{book.sid}/Messages/{message.sid}/Media/{it.sid}"


def _date(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC))
