"""A message as a request asks for it: what is read, what is refused at once."""

import json
import mimetypes
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fakes.twilio_server.book import Book
from fakes.twilio_server.exchange import Form
from fakes.twilio_server.records import ADDRESS, PREFIX, Json, Sender, Template
from fakes.twilio_server.refusals import Refused, left_out

KNOWN = {
    "To",
    "From",
    "Body",
    "MediaUrl",
    "ContentSid",
    "ContentVariables",
    "StatusCallback",
    "PersistentAction",
}
LONGEST = 1600
MOST_MEDIA = 10
PLACE = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    sender: Sender
    recipient: str
    body: str = ""
    media: list[str] = field(default_factory=list)
    template: Template | None = None
    variables: Json = field(default_factory=dict)
    location: str | None = None
    status_callback: str | None = None

    @property
    def text(self) -> str:
        """The template with its places filled, if it is one."""
        if self.template is None:
            return self.body
        values = self.template.defaults | self.variables
        return PLACE.sub(lambda place: str(values.get(place[1], place[0])), self.template.body)

    @property
    def complete(self) -> bool:
        return self.template is None or not PLACE.search(self.text)


def read(book: Book, form: Form) -> Outgoing:
    """Raises Refused where Twilio would not even queue it."""
    if unknown := sorted(set(form) - KNOWN):
        raise left_out(", ".join(unknown))
    recipient, sender = _addresses(book, form)
    body, media = _one(form, "Body"), form.get("MediaUrl", [])
    template = _template(book, _one(form, "ContentSid"))
    if not (body or media or template):
        raise Refused(21619, "A text message body or media urls must be specified.")
    if len(body) > LONGEST:
        message = f"The concatenated message body exceeds the {LONGEST} character limit."
        raise Refused(21617, message)
    return Outgoing(
        sender=sender,
        recipient=recipient,
        body=body,
        media=_media(media),
        template=template,
        variables=_variables(_one(form, "ContentVariables")),
        location=_one(form, "PersistentAction") or None,
        status_callback=_callback(_one(form, "StatusCallback")),
    )


def content_type(url: str) -> str:
    """By the end of its path: nothing is fetched."""
    return mimetypes.guess_type(urlsplit(url).path)[0] or "application/octet-stream"


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[-1]


def _addresses(book: Book, form: Form) -> tuple[str, Sender]:
    to, sender = _one(form, "To"), _one(form, "From")
    if not to:
        raise Refused(21604, "A 'To' phone number is required.")
    if not sender:
        raise Refused(21603, "A 'From' phone number is required.")
    if to.startswith(PREFIX) != sender.startswith(PREFIX):
        message = "Invalid From and To pair. From and To should be of the same channel"
        raise Refused(21910, message)
    if not to.startswith(PREFIX):
        raise left_out("SMS")
    if not ADDRESS.fullmatch(to):
        raise Refused(21211, f"The 'To' number {to} is not a valid phone number.")
    if sender not in book.senders:
        message = "Twilio could not find a Channel with the specified From address"
        raise Refused(63007, message)
    if sender == to:
        raise Refused(21266, "'To' and 'From' number cannot be the same")
    return to, book.senders[sender]


def _template(book: Book, sid: str) -> Template | None:
    if sid and sid not in book.templates:
        raise Refused(21655, f"The ContentSid {sid} is Invalid")
    return book.templates.get(sid)


def _variables(text: str) -> Json:
    try:
        variables = json.loads(text or "{}")
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        raise Refused(21656, "The Content Variables parameter is invalid.")
    return variables


def _media(urls: list[str]) -> list[str]:
    if len(urls) > MOST_MEDIA:
        raise Refused(21623, "Number of media files exceeds allowed limit.")
    for url in urls:
        if not _is_web_address(url):
            raise Refused(21620, f"Invalid media URL(s): {url}")
    return urls


def _callback(url: str) -> str | None:
    if url and not (_is_web_address(url) and "_" not in urlsplit(url).netloc):
        raise Refused(21609, f"The StatusCallback URL {url} is not a valid URL.")
    return url or None


def _is_web_address(url: str) -> bool:
    """Loopback passes: here everything lives on it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
