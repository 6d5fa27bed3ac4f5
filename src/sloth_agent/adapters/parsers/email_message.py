"""EML: the headers a person reads, the text, and each attachment by its own parser."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message

from sloth_agent.adapters.parsers import encodings, html, text
from sloth_agent.adapters.parsers.cleaning import one_line
from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.knowledge.models import Block

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
MAX_ATTACHMENTS = 200


def opened(content: bytes) -> EmailMessage:
    try:
        message = message_from_bytes(content, policy=policy.default)
    except (MessageError, ValueError, LookupError, TypeError) as error:
        raise damaged() from error
    return message


def blocks(message: EmailMessage) -> Iterator[Block]:
    """Yield the headers as one block, then the body."""
    shown = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    if shown:
        yield Block(text="\n".join(shown))
    body = _body(message)
    if body is None:
        return
    decoded = _decoded(body)
    parse = html.blocks if body.get_content_subtype() == "html" else text.blocks
    yield from parse(decoded)


def attachments(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of what is attached, the first `MAX_ATTACHMENTS` of it."""
    body = _body(message)
    number = 0
    for part in message.walk():
        if part is body or part.is_multipart() or number >= MAX_ATTACHMENTS:
            continue
        name = one_line(_file_name(part))
        if name:
            number += 1
            yield name, _payload(part)


def _header(message: EmailMessage, name: str) -> str:
    # Headers are parsed when they are asked for, and a broken one raises what it likes.
    try:
        return one_line(str(message.get(name, "")))
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _file_name(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _body(message: EmailMessage) -> EmailMessage | None:
    try:
        found = message.get_body(preferencelist=("plain", "html"))
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return found if isinstance(found, EmailMessage) else None


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: EmailMessage) -> str:
    payload = _payload(part)
    charset = part.get_content_charset()
    if charset:
        try:
            return payload.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass  # the label is wrong; the bytes tell
    return encodings.decode(payload)
