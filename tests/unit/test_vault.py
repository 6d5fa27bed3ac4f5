"""Credentials open for the integration and the tenant that they were sealed for, or not at all."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.adapters.secrets.aead import AeadSealer
from sloth_agent.adapters.secrets.keys import SecretKeys
from sloth_agent.channels.models import Credentials
from sloth_agent.channels.vault import Vault
from sloth_agent.errors import CredentialUnreadable
from sloth_agent.ids import IntegrationId, TenantId

OLD, NEW = b"an old secret of forty characters or more", b"a new secret of forty characters or more"
ANNA, BEN = TenantId(UUID(int=1)), TenantId(UUID(int=2))
ONE, OTHER = IntegrationId(UUID(int=3)), IntegrationId(UUID(int=4))

CREDENTIALS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)


def vault(tenant: TenantId = ANNA, *secrets: bytes) -> Vault:
    return Vault(tenant, AeadSealer(SecretKeys(secrets or (OLD,)).for_purpose("credentials")))


@given(CREDENTIALS)
def test_they_open_where_they_belong_alone(values: dict[str, str]) -> None:
    """Fails where `Vault._place` leaves out the tenant or the integration."""
    sealed = vault().seal(ONE, Credentials(values))
    assert vault().open(ONE, sealed).values == values
    for foreign, id in ((vault(), OTHER), (vault(BEN), ONE), (vault(BEN), OTHER)):
        with pytest.raises(CredentialUnreadable):
            foreign.open(id, sealed)
        with pytest.raises(CredentialUnreadable):
            foreign.resealed(id, sealed)


@given(st.data(), CREDENTIALS)
def test_any_changed_byte_is_noticed(data: st.DataObject, values: dict[str, str]) -> None:
    sealed = vault().seal(ONE, Credentials(values))
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[at] ^ data.draw(st.integers(1, 255))
    forged = sealed[:at] + bytes([changed]) + sealed[at + 1 :]
    with pytest.raises(CredentialUnreadable):
        vault().open(ONE, forged)
    with pytest.raises(CredentialUnreadable):
        vault().resealed(ONE, forged)


def test_resealed_they_need_the_newest_secret_alone() -> None:
    both = vault(ANNA, NEW, OLD)
    sealed = vault().seal(ONE, Credentials({"token": "a"}))
    resealed = both.resealed(ONE, sealed)
    assert resealed is not None
    assert vault(ANNA, NEW).open(ONE, resealed).values == {"token": "a"}
    assert both.resealed(ONE, resealed) is None
    with pytest.raises(CredentialUnreadable):
        vault(ANNA, NEW).open(ONE, sealed)


def test_they_show_nothing_of_themselves() -> None:
    """Fails where `Credentials.values` is shown in its repr."""
    credentials = Credentials({"token": "a-secret"})
    for shown in (str(credentials), repr(credentials), f"{credentials}", f"{[credentials]!r}"):
        assert "a-secret" not in shown
        assert "token" not in shown
