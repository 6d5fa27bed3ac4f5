"""What comes to an integration's address: whether it is Twilio's, and the form that it brings."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlparse

from sloth_agent.adapters.channels.twilio_account import TwilioAccount
from sloth_agent.adapters.channels.twilio_sdk import RequestValidator, add_port, remove_port
from sloth_agent.adapters.channels.whatsapp_events import RECEIVED_AT, SID, is_status
from sloth_agent.channels.messages import Payload, WebhookRequest
from sloth_agent.errors import Forbidden, InvalidInput

MOST_BYTES = 128 * 1024
MOST_FIELDS = 200
FORM = "application/x-www-form-urlencoded"


class _Form(dict[str, list[str]]):
    """As frameworks give one: names may repeat, and all values are signed."""

    def getlist(self, name: str) -> Sequence[str]:
        return self[name]


def payload_of(request: WebhookRequest, account: TwilioAccount, *, now: datetime) -> Payload:
    """The form; a name that stands there once has a text, any other a list of them.

    Raises:
        Forbidden: not signed by this account, or of another number.
        InvalidInput: no form, or not one of Twilio's.
    """
    signature = request.headers.get("x-twilio-signature", "")
    if not signature:
        raise Forbidden("The request is not signed.")
    form = _form(request)
    if not _is_signed(request.url, form, signature, account.token):
        raise Forbidden(
            "The request is not signed by this Twilio account for this address.",
            hint="PUBLIC_URL has to be the address that stands in Twilio's console.",
        )
    payload = {name: values[0] if len(values) == 1 else values for name, values in form.items()}
    _check_parties({name: each for name, each in payload.items() if isinstance(each, str)}, account)
    return {**payload, RECEIVED_AT: now.isoformat()}


def _form(request: WebhookRequest) -> _Form:
    if len(request.body) > MOST_BYTES:
        raise InvalidInput(f"The form is longer than {MOST_BYTES:,} bytes.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidInput("The request brings no form.")
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:  # bytes that are no text, and too many fields
        raise InvalidInput("The form cannot be read.") from error
    form = _Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _is_signed(url: str, form: _Form, signature: str, token: str) -> bool:
    """Senders disagree on whether the usual port belongs to the address."""
    validator, address = RequestValidator(token), urlparse(url)
    expected = [
        validator.compute_signature(each, form)
        for each in (url, remove_port(address), add_port(address))
    ]
    given = signature.encode()
    return any([hmac.compare_digest(each.encode(), given) for each in expected])  # noqa: C419


def _check_parties(form: Mapping[str, str], account: TwilioAccount) -> None:
    ours = form.get("From" if is_status(form) else "To", "")
    if not SID.fullmatch(form.get("MessageSid", "")) or not ours or "AccountSid" not in form:
        raise InvalidInput("The form is not one of Twilio's messages.")
    if form["AccountSid"] != account.sid or ours != account.number:
        raise Forbidden("The message is of another account or number.")
