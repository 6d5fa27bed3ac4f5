"""What Twilio posts to a webhook: forms, their headers, their signatures."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode
from uuid import uuid4

from fakes.twilio_server.book import Book
from fakes.twilio_server.records import (
    PREFIX,
    Customer,
    Media,
    Message,
    Notice,
    Parameters,
    Sender,
    Status,
)
from fakes.twilio_server.refusals import FAILURES
from fakes.twilio_server.shapes import API_VERSION, media_path

INSTALL = "XE" + "7c" * 16


@dataclass(frozen=True, kw_only=True)
class Post:
    """One request to a webhook, ready to be sent by whoever wants to."""

    kind: Literal["message", "status", "malformed"]
    message: str  # its sid
    what: str  # `received`, the status, or what is wrong with it
    url: str
    body: bytes
    headers: dict[str, str]


def post(notice: Notice, auth_token: str, *, url: str, more: Parameters = ()) -> Post:
    parameters = notice.parameters + more
    return Post(
        kind=notice.kind,
        message=notice.message,
        what=notice.status.value,
        url=url,
        body=urlencode(parameters).encode(),
        headers=headers(signature(url, parameters, auth_token), token=notice.token),
    )


def headers(signed: str, *, token: str) -> dict[str, str]:
    return {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "I-Twilio-Idempotency-Token": token,
        "User-Agent": "TwilioProxy/1.1",
        "X-Home-Region": "us1",
        "X-Twilio-Signature": signed,
    }


def signature(url: str, parameters: Iterable[tuple[str, str]], auth_token: str) -> str:
    """HMAC-SHA1 of the address and the sorted parameters; what stands there twice counts once."""
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.digest(auth_token.encode(), signed.encode(errors="surrogatepass"), hashlib.sha1)
    return base64.b64encode(digest).decode()


def received(
    book: Book, message: Message, customer: Customer, *, type: str, more: Parameters = ()
) -> Parameters:
    """A customer's message. Like Twilio's own in its fields, though not in their order."""
    wa_id = customer.address.removeprefix(f"{PREFIX}+")
    context = {"ProfileName": customer.name, "WaId": wa_id}
    channel = {"type": "whatsapp", "data": {"context": context}}
    return (
        ("SmsMessageSid", message.sid),
        ("NumMedia", str(len(message.media))),
        ("ProfileName", customer.name),
        ("MessageType", type),
        ("SmsSid", message.sid),
        ("WaId", wa_id),
        ("SmsStatus", "received"),
        ("Body", message.body),
        ("To", message.recipient),
        ("NumSegments", "1"),
        ("ReferralNumMedia", "0"),
        ("MessageSid", message.sid),
        ("AccountSid", book.sid),
        ("ChannelMetadata", json.dumps(channel, ensure_ascii=False)),
        ("From", message.sender),
        ("ApiVersion", API_VERSION),
        *_files(book, message, message.media),
        *more,
    )


def _files(book: Book, message: Message, media: list[Media]) -> Iterable[tuple[str, str]]:
    for place, each in enumerate(media):
        yield f"MediaContentType{place}", each.content_type
        yield f"MediaUrl{place}", book.url + media_path(book, message, each)


EVENTS = {
    Status.DELIVERED: "DELIVERED",
    Status.READ: "READ",
    Status.UNDELIVERED: "UNDELIVERED",
    Status.FAILED: "FAILED",
}


def status_changed(book: Book, message: Message) -> Parameters:
    """A status callback."""
    number = message.recipient.removeprefix(PREFIX)
    parameters = {
        "ChannelPrefix": "whatsapp",
        "ApiVersion": API_VERSION,
        "MessageStatus": message.status.value,
        "SmsSid": message.sid,
        "SmsStatus": message.status.value,
        "ChannelInstallSid": INSTALL,
        "To": message.recipient,
        "From": message.sender,
        "MessageSid": message.sid,
        "AccountSid": book.sid,
        "ChannelToAddress": f"{number[:-4]}XXXX",
    }
    if message.status in EVENTS:
        parameters["EventType"] = EVENTS[message.status]
    if message.error is not None:
        parameters["ErrorCode"] = str(message.error)
        parameters["ErrorMessage"] = FAILURES[message.error]
        parameters["ChannelStatusMessage"] = FAILURES[message.error]
    return tuple(parameters.items())


def tell_received(book: Book, sender: Sender, message: Message, form: Parameters) -> None:
    book.notices.append(
        Notice(
            kind="message",
            message=message.sid,
            status=message.status,
            url=sender.webhook,
            fallback=sender.fallback,
            parameters=form,
            token=str(uuid4()),
        )
    )


def tell_status(book: Book, message: Message) -> None:
    """To the callback of the message, else to that of its sender, else to nobody."""
    sender = book.senders.get(message.sender)
    url = message.status_callback or (sender.status_callback if sender else None)
    book.notices.append(
        Notice(
            kind="status",
            message=message.sid,
            status=message.status,
            url=url,
            fallback=None,
            parameters=status_changed(book, message),
            token=str(uuid4()),
        )
    )
