"""Bytes sealed by AES-256-GCM."""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sloth_agent.adapters.secrets.keys import Key
from sloth_agent.errors import CredentialUnreadable

VERSION = b"\x01"
NONCE_BYTES = 12
ID_BYTES = 8


class AeadSealer:
    """`Sealer` and `CredentialSealer`: `version, key id, nonce, ciphertext`.

    What is moved to another place, or changed in any byte, does not open.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self._newest = keys[0]
        self._keys = {key.id.encode(): key.secret for key in keys}

    def seal(self, content: bytes, *, bound_to: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = VERSION + self._newest.id.encode()
        sealed = AESGCM(self._newest.secret).encrypt(nonce, content, head + _bytes(bound_to))
        return head + nonce + sealed

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        head, rest = sealed[: 1 + ID_BYTES], sealed[1 + ID_BYTES :]
        secret = self._keys.get(head[1:])
        if head[:1] != VERSION or secret is None:
            raise _unreadable()
        nonce, content = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        try:
            return AESGCM(secret).decrypt(nonce, content, head + _bytes(bound_to))
        except (InvalidTag, ValueError) as error:
            raise _unreadable() from error

    def is_newest(self, sealed: bytes) -> bool:
        return sealed[: 1 + ID_BYTES] == VERSION + self._newest.id.encode()


def _bytes(place: str) -> bytes:
    return place.encode("utf-8", "surrogatepass")


def _unreadable() -> CredentialUnreadable:
    return CredentialUnreadable(
        "What was sealed cannot be opened.",
        hint="Put the secret that it was sealed with back into SECRET_KEY, behind the newest.",
    )
