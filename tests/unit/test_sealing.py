"""What is sealed opens in its own place, unchanged, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.adapters.secrets.aead import AeadSealer
from sloth_agent.adapters.secrets.keys import SecretKeys
from sloth_agent.errors import CredentialUnreadable

OLD, NEW = b"an old secret of forty characters or more", b"a new secret of forty characters or more"


def sealer(*secrets: bytes, purpose: str = "tests") -> AeadSealer:
    return AeadSealer(SecretKeys(secrets).for_purpose(purpose))


@given(st.binary(max_size=500), st.text(max_size=50))
def test_it_opens_where_it_belongs(content: bytes, place: str) -> None:
    sealed = sealer(OLD).seal(content, bound_to=place)
    assert sealer(OLD).open(sealed, bound_to=place) == content
    with pytest.raises(CredentialUnreadable):
        sealer(OLD).open(sealed, bound_to=place + " of somebody else")


def test_sealed_twice_it_looks_different_and_tells_nothing() -> None:
    first, second = (sealer(OLD).seal(b"a secret", bound_to="a") for _ in range(2))
    assert first != second
    assert b"a secret" not in first


def test_each_changed_byte_and_each_cut_is_noticed() -> None:
    sealed = sealer(OLD).seal(b"a secret", bound_to="a")
    changed = [
        sealed[:at] + bytes([sealed[at] ^ bit]) + sealed[at + 1 :]
        for at in range(len(sealed))
        for bit in (1, 128)
    ]
    cut = [sealed[:length] for length in range(len(sealed))]
    for forged in (*changed, *cut, sealed + b"\0"):
        with pytest.raises(CredentialUnreadable):
            sealer(OLD).open(forged, bound_to="a")


def test_the_newest_secret_seals_and_all_open() -> None:
    by_old = sealer(OLD).seal(b"a secret", bound_to="a")
    by_both = sealer(NEW, OLD).seal(b"a secret", bound_to="a")
    assert sealer(NEW, OLD).open(by_old, bound_to="a") == b"a secret"
    assert sealer(NEW).open(by_both, bound_to="a") == b"a secret"
    for other in (sealer(NEW), sealer(OLD, purpose="others")):
        with pytest.raises(CredentialUnreadable, match="cannot be opened") as refused:
            other.open(by_old, bound_to="a")
        assert refused.value.hint is not None
