"""What a webhook answers: TwiML whose messages are sent, or plain text, which is one."""

from dataclasses import dataclass, field
from xml.etree import ElementTree as ET


@dataclass(frozen=True, kw_only=True)
class Reply:
    body: str
    media: list[str] = field(default_factory=list)


class NotUnderstood(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def replies(content_type: str, body: bytes) -> list[Reply]:
    """Raises NotUnderstood where Twilio would write a warning."""
    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode(errors="replace").strip()
    if not text:
        return []
    if kind == "text/plain":
        return [Reply(body=text)]
    if kind not in ("text/xml", "application/xml", "text/html"):
        raise NotUnderstood(12300, f"Invalid Content-Type: {content_type}")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise NotUnderstood(12100, f"Document parse failure: {error}") from error
    if root.tag != "Response":
        raise NotUnderstood(12100, f"Document parse failure: {root.tag} is no Response")
    return [_reply(each) for each in root.iter("Message")]


def _reply(message: ET.Element) -> Reply:
    """Its text stands in `<Body>`, or right in it."""
    body = message.find("Body")
    text = (message.text if body is None else body.text) or ""
    return Reply(body=text.strip(), media=[each.text or "" for each in message.iter("Media")])
