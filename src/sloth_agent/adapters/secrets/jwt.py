"""Access tokens as JSON Web Tokens (RFC 7519, RFC 9068)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from sloth_agent.access.models import Signed
from sloth_agent.adapters.secrets.keys import Key
from sloth_agent.errors import TokenInvalid
from sloth_agent.ids import SessionId, UserId

ACCESS_LASTS = timedelta(minutes=15)

ALGORITHM = "HS256"
ISSUER = "sloth-agent"
AUDIENCE = "sloth-agent/api"
TYPE = "at+jwt"
LONGEST = 2_000

CLOCKS_DIFFER_SECONDS = 60
"""How far the clocks of two servers may be apart."""

_REQUIRED = ["exp", "iat", "iss", "aud", "typ", "jti", "sub", "sid"]
_FORGED = (
    jwt.PyJWTError,
    AttributeError,
    KeyError,  # a key that is not ours
    OverflowError,
    RecursionError,  # brackets within brackets
    TypeError,
    ValueError,
)
"""What comes of tokens that somebody made up."""


class JwtSigner:
    """`TokenSigner` with one algorithm, and with keys from our own list alone."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._newest = keys[0]
        self._keys = {key.id: key.secret for key in keys}

    def sign(self, signed: Signed, *, now: datetime) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": TYPE,
            "sub": str(signed.user),
            "sid": str(signed.session),
            "jti": uuid4().hex,
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_LASTS).timestamp()),
        }
        headers = {"kid": self._newest.id, "typ": TYPE}
        return jwt.encode(claims, self._newest.secret, algorithm=ALGORITHM, headers=headers)

    def read(self, token: str, *, now: datetime) -> Signed:
        try:
            claims = self._claims(token)
            lasts = claims["exp"] - claims["iat"]
            if claims["typ"] != TYPE or not 0 < lasts <= ACCESS_LASTS.total_seconds():
                raise ValueError("not signed by us")
            if not claims["iat"] - CLOCKS_DIFFER_SECONDS <= now.timestamp() < claims["exp"]:
                raise TokenInvalid("The access token is out of date.", hint="Refresh it.")
            return Signed(user=UserId(UUID(claims["sub"])), session=SessionId(UUID(claims["sid"])))
        except _FORGED as error:
            raise TokenInvalid("The access token is not valid.", hint="Sign in again.") from error

    def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > LONGEST:
            raise ValueError("no token of ours is so long")
        head = jwt.get_unverified_header(token)
        if head.get("typ") != TYPE or set(head) != {"alg", "kid", "typ"}:
            raise ValueError("not a header of ours")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            self._keys[head["kid"]],
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # The time is checked against our own clock.
            options={"verify_exp": False, "verify_iat": False, "require": _REQUIRED},
        )
        return claims
