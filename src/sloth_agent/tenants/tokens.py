"""Secrets that travel in links: handed out once, kept as hashes."""

import hashlib
import secrets
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """256 random bits. Whoever reads the database cannot use what is kept there."""

    text: str = field(repr=False)

    @classmethod
    def new(cls) -> "Token":
        return cls(secrets.token_urlsafe(32))

    @property
    def digest(self) -> bytes:
        """What is kept; enough for a secret that cannot be guessed."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()


def token_in(link: str) -> str:
    """The token at the end of a link, or the token itself."""
    return link.strip().rstrip("/").rpartition("/")[2]
