"""The addresses under `/2010-04-01/Accounts/AC...`: what each accepts, and what it does."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fakes.twilio_server import outgoing, sending
from fakes.twilio_server.book import Book
from fakes.twilio_server.exchange import Answer, Request, as_json
from fakes.twilio_server.listing import PAGING, page, within
from fakes.twilio_server.records import Media, Message, Status
from fakes.twilio_server.refusals import Refused, left_out, not_found
from fakes.twilio_server.shapes import API, account_shown, media_shown, message_shown

Act = Callable[[Book, Request, list[str]], Answer]


@dataclass(frozen=True)
class Operation:
    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    form: frozenset[str] | None  # None: the operation itself looks
    act: Act


TABLE: list[Operation] = []


def on(
    method: str, path: str, *, query: set[str] | None = None, form: set[str] | None = None
) -> Callable[[Act], Act]:
    """Put an action into the table; `{}` in the path are the ids that it gets."""

    def put(act: Act) -> Act:
        pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/.]+)"))
        known = None if form is None else frozenset(form)
        TABLE.append(Operation(method, pattern, frozenset(query or ()), known, act))
        return act

    return put


def perform(book: Book, request: Request) -> Answer:
    path = request.path.removeprefix(f"{API}/Accounts/{book.sid}")
    others = False
    for operation in TABLE:
        if match := operation.path.fullmatch(path):
            if operation.method == request.method:
                _refuse_unknown(operation, request)
                return operation.act(book, request, list(match.groups()))
            others = True
    if others:
        raise Refused(20004, "Method not allowed", status=405)
    raise not_found(request.path)


def _refuse_unknown(operation: Operation, request: Request) -> None:
    unknown = set(request.query) - operation.query
    if operation.form is not None:
        unknown |= set(request.form) - operation.form
    if unknown:
        raise left_out(", ".join(sorted(unknown)))


@on("GET", ".json", form=set())
def fetch_account(book: Book, _: Request, __: list[str]) -> Answer:
    return as_json(account_shown(book))


# Messages


@on("POST", "/Messages.json")
def create_message(book: Book, request: Request, _: list[str]) -> Answer:
    message = sending.send(book, outgoing.read(book, request.form))
    return as_json(message_shown(book, message), status=201)


@on(
    "GET",
    "/Messages.json",
    query=PAGING | {"To", "From", "DateSent", "DateSent<", "DateSent>"},
    form=set(),
)
def list_messages(book: Book, request: Request, _: list[str]) -> Answer:
    query = request.query
    found = [each for each in reversed(book.messages.values()) if _wanted(each, request)]
    return as_json(
        page(
            found,
            query,
            path=request.path,
            key="messages",
            show=lambda each: message_shown(book, each),
        )
    )


def _wanted(message: Message, request: Request) -> bool:
    to, sender = (request.query.get(name, [None])[-1] for name in ("To", "From"))
    return (
        to in (None, message.recipient)
        and sender in (None, message.sender)
        and within(message.sent_at, request.query, "DateSent")
    )


@on("GET", "/Messages/{}.json", form=set())
def fetch_message(book: Book, _: Request, ids: list[str]) -> Answer:
    return as_json(message_shown(book, book.message(ids[0])))


@on("POST", "/Messages/{}.json", form={"Body", "Status"})
def update_message(book: Book, request: Request, ids: list[str]) -> Answer:
    """Only to take its text away: nothing is scheduled here that could be canceled."""
    message, body = book.message(ids[0]), request.form.get("Body")
    if body != [""] or "Status" in request.form:
        raise left_out("changes of a message but an empty Body")
    if message.status in (Status.QUEUED, Status.SENT):
        raise Refused(20009, "Message cannot be changed before it is done.", status=409)
    message.body, message.updated = "", book.now
    return as_json(message_shown(book, message))


@on("DELETE", "/Messages/{}.json", form=set())
def delete_message(book: Book, _: Request, ids: list[str]) -> Answer:
    message = book.message(ids[0])
    if message.status is Status.QUEUED:
        raise Refused(20009, "Message cannot be deleted before it is done.", status=409)
    del book.messages[message.sid]
    return Answer(status=204)


# Media


@on("GET", "/Messages/{}/Media.json", query=PAGING, form=set())
def list_media(book: Book, request: Request, ids: list[str]) -> Answer:
    message = book.message(ids[0])
    return as_json(
        page(
            message.media,
            request.query,
            path=request.path,
            key="media_list",
            show=lambda each: media_shown(book, message, each),
        )
    )


@on("GET", "/Messages/{}/Media/{}.json", form=set())
def fetch_media(book: Book, request: Request, ids: list[str]) -> Answer:
    message, media = _media(book, request, ids)
    return as_json(media_shown(book, message, media))


@on("DELETE", "/Messages/{}/Media/{}.json", form=set())
def delete_media(book: Book, request: Request, ids: list[str]) -> Answer:
    message, media = _media(book, request, ids)
    message.media.remove(media)
    return Answer(status=204)


@on("GET", "/Messages/{}/Media/{}", form=set())
def download_media(book: Book, request: Request, ids: list[str]) -> Answer:
    """It lies on another host, which must not see who asks."""
    _, media = _media(book, request, ids)
    place = media.source or f"{book.store_url}/{media.sid}"
    return Answer(status=307, headers={"Location": place})


def is_download(path: str) -> bool:
    """Not in the description that requests are checked against."""
    return re.fullmatch(rf"{API}/Accounts/[^/]+/Messages/[^/]+/Media/[^/.]+", path) is not None


def _media(book: Book, request: Request, ids: list[str]) -> tuple[Message, Media]:
    message = book.message(ids[0])
    for media in message.media:
        if media.sid == ids[1]:
            return message, media
    raise not_found(request.path)
