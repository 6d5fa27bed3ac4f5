"""What Twilio's forms say, in our words."""

import mimetypes
import re
from collections.abc import Mapping
from datetime import datetime

from sloth_agent.adapters.channels.twilio_account import PHONE
from sloth_agent.adapters.channels.twilio_failures import failure
from sloth_agent.channels.messages import (
    Attachment,
    Delivery,
    DeliveryState,
    Inbound,
    MessageKind,
    Payload,
)
from sloth_agent.errors import Problem

RECEIVED_AT = "ReceivedAt"
"""Our own word in a payload: Twilio does not say when."""

SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")
LONGEST_NAME = 200

_OFFERED = r"\w{1,32}: (?=/language\s)"  # stands before it in the line that is to be sent back
_COMMAND = re.compile(rf"(?:{_OFFERED})?/([a-z_]{{1,32}})(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}\.[A-Za-z0-9]{1,8}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?")

_KINDS = {"image": MessageKind.PHOTO, "audio": MessageKind.VOICE}

_CHOICES = {"STOP": MessageKind.LEFT, "START": MessageKind.CAME_BACK}
"""Twilio itself answers these words, where a firm lets it, and says so."""

_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "undelivered": DeliveryState.FAILED,
    "failed": DeliveryState.FAILED,
}


def inbound(payload: Payload) -> Inbound | None:
    """None: a status, or of somebody whom WhatsApp does not know."""
    form = _texts(payload)
    sender = form.get("From", "")
    if is_status(form) or not PHONE.fullmatch(sender) or not SID.fullmatch(form["MessageSid"]):
        return None
    attachment = _attachment(form)
    kind, command, text = _said(form, attachment)
    return Inbound(
        id=form["MessageSid"],
        chat=sender,
        sender=sender,
        kind=kind,
        text=text,
        command=command,
        attachment=attachment,
        reference=form["MessageSid"],
        reply_to=form.get("OriginalRepliedMessageSid") or None,
        name=form.get("ProfileName", "")[:LONGEST_NAME],
        sent_at=datetime.fromisoformat(form[RECEIVED_AT]),
    )


def delivery(payload: Payload) -> Delivery | None:
    """None: a message, or nothing new about one of ours."""
    form = _texts(payload)
    state = _STATES.get(form.get("MessageStatus", ""))
    if state is None or not is_status(form):
        return None
    problem = None
    if state is DeliveryState.FAILED:
        code = form.get("ErrorCode", "")
        number = int(code) if re.fullmatch(r"[0-9]{1,6}", code) else 0
        problem = Problem.of(failure(number, form.get("ErrorMessage") or "it did not arrive"))
    return Delivery(reference=form["MessageSid"], state=state, problem=problem)


def is_status(form: Mapping[str, str]) -> bool:
    return form.get("MessageStatus", "received") != "received"


def _texts(payload: Payload) -> dict[str, str]:
    """What stands there once."""
    return {name: value for name, value in payload.items() if isinstance(value, str)}


def _said(
    form: Mapping[str, str], attachment: Attachment | None
) -> tuple[MessageKind, str | None, str]:
    """The kind, the command and the text."""
    text = form.get("Body", "").strip()
    if (choice := _CHOICES.get(form.get("OptOutType", ""))) is not None:
        return choice, None, text
    if attachment is not None:
        kind = _KINDS.get(attachment.media_type.partition("/")[0], MessageKind.DOCUMENT)
        is_sticker = form.get("MessageType") == "sticker"
        caption = "" if attachment.name == text else text
        return (MessageKind.OTHER if is_sticker else kind), None, caption
    if (place := _place(form)) is not None:
        return MessageKind.LOCATION, None, place
    if command := _command(form, text):
        return MessageKind.COMMAND, command[1].lower(), (command[2] or "").strip()
    return (MessageKind.TEXT if text else MessageKind.OTHER), None, text


def _command(form: Mapping[str, str], text: str) -> re.Match[str] | None:
    """Of a pressed button, or as it was written."""
    return _COMMAND.fullmatch(form.get("ButtonPayload", "")) or _COMMAND.fullmatch(text)


def _attachment(form: Mapping[str, str]) -> Attachment | None:
    """The first file: WhatsApp sends each in a message of its own."""
    url = form.get("MediaUrl0")
    if not url:
        return None
    named = form.get("MediaContentType0", "").partition(";")[0].strip().lower()
    media_type = named if _MEDIA_TYPE.fullmatch(named) else "application/octet-stream"
    return Attachment(key=url, name=_file_name(form, media_type), media_type=media_type)


def _file_name(form: Mapping[str, str], media_type: str) -> str:
    """Of a document it is what Twilio gives as the text."""
    text = form.get("Body", "").strip()
    kind = media_type.partition("/")[0]
    if kind not in _KINDS and _FILE_NAME.fullmatch(text):
        return text
    stem = {"image": "photo", "audio": "voice"}.get(kind, "document")
    return stem + (mimetypes.guess_extension(media_type) or "")


def _place(form: Mapping[str, str]) -> str | None:
    """Such as `Salon, Main street 1 (50.45, 30.52)`."""
    latitude, longitude = form.get("Latitude", ""), form.get("Longitude", "")
    if not (_is_degrees(latitude, 90) and _is_degrees(longitude, 180)):
        return None
    words = [each for name in ("Label", "Address") if (each := form.get(name, "").strip())]
    at = f"({latitude}, {longitude})"
    return f"{', '.join(words)} {at}" if words else at


def _is_degrees(text: str, most: int) -> bool:
    return bool(_DEGREES.fullmatch(text)) and abs(float(text)) <= most
