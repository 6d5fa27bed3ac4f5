"""Access tokens: read by whoever has the key, and forged by nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from fakes.forgeries import Forger
from sloth_agent.access.models import Signed
from sloth_agent.adapters.secrets.jwt import ACCESS_LASTS, JwtSigner
from sloth_agent.adapters.secrets.keys import Key, SecretKeys
from sloth_agent.errors import TokenInvalid
from sloth_agent.ids import SessionId, UserId, new_id

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIGNED = Signed(user=UserId(new_id()), session=SessionId(new_id()))
OLD, NEW = b"an old secret of forty characters or more", b"a new secret of forty characters or more"


def keys(*secrets: bytes) -> list[Key]:
    return list(SecretKeys(secrets).for_purpose("access tokens"))


FORGER = Forger(keys(OLD)[0], JwtSigner(keys(OLD)).sign(SIGNED, now=NOW))
FORGERIES = FORGER.all()


def test_a_token_says_whose_it_is_for_15_minutes() -> None:
    signer = JwtSigner(keys(OLD))
    token = signer.sign(SIGNED, now=NOW)
    for moment in (NOW - timedelta(seconds=30), NOW, NOW + ACCESS_LASTS - timedelta(seconds=1)):
        assert signer.read(token, now=moment) == SIGNED
    for moment in (NOW - timedelta(seconds=90), NOW + ACCESS_LASTS):
        with pytest.raises(TokenInvalid, match="out of date"):
            signer.read(token, now=moment)


def test_no_two_tokens_are_alike() -> None:
    signer = JwtSigner(keys(OLD))
    assert signer.sign(SIGNED, now=NOW) != signer.sign(SIGNED, now=NOW)


def test_the_newest_key_signs_and_all_are_known() -> None:
    old, both, new = JwtSigner(keys(OLD)), JwtSigner(keys(NEW, OLD)), JwtSigner(keys(NEW))
    assert both.read(old.sign(SIGNED, now=NOW), now=NOW) == SIGNED
    assert new.read(both.sign(SIGNED, now=NOW), now=NOW) == SIGNED
    for signer, reader in ((both, old), (old, new)):
        with pytest.raises(TokenInvalid):
            reader.read(signer.sign(SIGNED, now=NOW), now=NOW)


def test_the_forger_makes_good_tokens_but_for_the_changes() -> None:
    assert JwtSigner(keys(OLD)).read(FORGER.token(), now=NOW) == SIGNED
    assert len(FORGERIES) >= 40


@pytest.mark.parametrize("how", FORGERIES)
def test_what_is_forged_is_not_believed(how: str) -> None:
    with pytest.raises(TokenInvalid):
        JwtSigner(keys(OLD, NEW)).read(FORGERIES[how], now=NOW)


def test_a_key_for_another_purpose_signs_no_tokens() -> None:
    replies = SecretKeys([OLD]).for_purpose("replies")
    with pytest.raises(TokenInvalid):
        JwtSigner(keys(OLD)).read(JwtSigner(replies).sign(SIGNED, now=NOW), now=NOW)
