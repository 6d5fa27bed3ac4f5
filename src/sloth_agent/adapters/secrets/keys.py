"""The secrets that all keys of the install come from, newest first."""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sloth_agent.adapters.private_folders import hand_to_owner, make_private, private
from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings

SHORTEST = 32
"""Characters."""

FILE = "secret.key"


@dataclass(frozen=True, slots=True)
class Key:
    """A key for one purpose, and the name it is known by beside what was made with it."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """One secret or several; the newest is used, all are known."""

    secrets: Sequence[bytes] = field(repr=False)

    def for_purpose(self, purpose: str) -> Sequence[Key]:
        """Keys that tell nothing of each other, nor of the secrets; newest first."""
        derived = [
            hmac.digest(secret, f"sloth-agent {purpose}".encode(), hashlib.sha256)
            for secret in self.secrets
        ]
        return [Key(hashlib.sha256(each).hexdigest()[:8], each) for each in derived]


def from_settings(settings: Settings) -> SecretKeys:
    """What SECRET_KEY says; without it a secret of this machine's own, made on first use.

    Raises:
        ConfigurationError: a secret that can be guessed; a home that cannot be written to.
    """
    if settings.secret_key is None:
        return SecretKeys([_own(settings.home)])
    given = [part.strip() for part in settings.secret_key.get_secret_value().split(",")]
    for secret in given:
        if len(secret) < SHORTEST or len(set(secret)) < SHORTEST // 4:
            raise ConfigurationError(
                f"A secret in SECRET_KEY has fewer than {SHORTEST} characters, or the same again"
                " and again.",
                hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
    return SecretKeys([secret.encode() for secret in given])


def _own(home: Path) -> bytes:
    path = home / FILE
    try:
        make_private(home, home=home)
        with contextlib.suppress(FileExistsError):
            _make(path, home)
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The secret of this machine cannot be kept in {home}: {error.strerror}.",
            hint="Set SECRET_KEY, or SLOTH_HOME to a folder that you can write to.",
        ) from error


def _make(path: Path, home: Path) -> None:
    """Whole or not at all, and once: other processes may be making one too."""
    if path.exists():
        return
    new = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
    try:
        with open(new, "xb", opener=private) as file:
            file.write(secrets.token_urlsafe(48).encode())
            file.flush()
            os.fsync(file.fileno())
        hand_to_owner(new, home=home)
        os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
