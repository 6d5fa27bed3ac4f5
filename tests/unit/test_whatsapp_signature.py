"""Whom a form from outside is believed to be from."""

import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.twilio_server.account import ACCOUNT, AUTH_TOKEN, NUMBER
from fakes.twilio_server.posts import signature
from sloth_agent.adapters.channels.twilio_account import TwilioAccount
from sloth_agent.adapters.channels.whatsapp_requests import payload_of
from sloth_agent.channels.messages import WebhookRequest
from sloth_agent.errors import Forbidden

URL = "https://sloth.test/hook/?tenant=7"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
MINE = TwilioAccount(sid=ACCOUNT, token=AUTH_TOKEN, number=f"whatsapp:{NUMBER}")
KNOWN = (
    ("MessageSid", "SM" + "0" * 32),
    ("AccountSid", ACCOUNT),
    ("To", MINE.number),
    ("From", "whatsapp:+380501112233"),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
OTHERS = st.lists(st.tuples(TEXT.map("Extra{}".format), TEXT), max_size=8)


def request(pairs: tuple[tuple[str, str], ...], signed: str) -> WebhookRequest:
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": signed,
    }
    return WebhookRequest(url=URL, body=urlencode(pairs).encode(), headers=headers)


@given(OTHERS)
def test_whatever_twilio_signs_is_believed(others: list[tuple[str, str]]) -> None:
    pairs = (*KNOWN, *others)
    payload = payload_of(request(pairs, signature(URL, pairs, AUTH_TOKEN)), MINE, now=NOW)
    for name, value in pairs:
        assert value in payload[name]


@given(OTHERS, TEXT.map("Extra{}".format), TEXT)
def test_nothing_else_is(others: list[tuple[str, str]], name: str, value: str) -> None:
    pairs = (*KNOWN, *others)
    changed = (*pairs, (name, value))
    signed = signature(URL, pairs, AUTH_TOKEN)
    if set(changed) != set(pairs):  # what is repeated is signed once
        with pytest.raises(Forbidden):
            payload_of(request(changed, signed), MINE, now=NOW)
    for token in ("other", AUTH_TOKEN[:-1]):
        with pytest.raises(Forbidden):
            payload_of(request(pairs, signature(URL, pairs, token)), MINE, now=NOW)


def test_the_missing_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['twilio'] = None\n"
        "from sloth_agent.errors import MissingExtra\n"
        "try:\n    import sloth_agent.adapters.channels.whatsapp\n"
        "except MissingExtra as error:\n    print(error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == 'pip install "sloth-agent[whatsapp]"'
