"""Access tokens that nobody ought to believe, many of them signed with the right secret."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sloth_agent.adapters.secrets.keys import Key

ABSENT = object()


@dataclass(frozen=True, slots=True)
class Forger:
    """Knows a genuine token, and even the secret behind it."""

    key: Key
    genuine: str

    @property
    def header(self) -> dict[str, Any]:
        return _parsed(self.genuine.split(".")[0])

    @property
    def claims(self) -> dict[str, Any]:
        return _parsed(self.genuine.split(".")[1])

    def token(
        self,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        *,
        secret: bytes | None = None,
        digest: str = "sha256",
    ) -> str:
        """The genuine one with changes; `ABSENT` takes something away."""
        head = _joined(json.dumps(_changed(self.header, header)).encode())
        body = _joined(json.dumps(_changed(self.claims, claims)).encode())
        return self.signed(head, body, secret=secret, digest=digest)

    def signed(
        self, head: str, body: str, *, secret: bytes | None = None, digest: str = "sha256"
    ) -> str:
        key = self.key.secret if secret is None else secret
        signature = hmac.digest(key, f"{head}.{body}".encode(), digest)
        return f"{head}.{body}.{_joined(signature)}"

    def all(self) -> dict[str, str]:
        """By what is wrong with each."""
        return {
            **self._algorithms(),
            **self._keys(),
            **self._headers(),
            **self._times(),
            **self._other_claims(),
            **self._broken(),
        }

    def _algorithms(self) -> dict[str, str]:
        unsigned = {
            f"alg {name}": self.token({"alg": name}).rpartition(".")[0] + "."
            for name in ("none", "None", "NONE", "nOnE", "")
        }
        confused = {
            f"alg {name} with our secret": self.token({"alg": name})
            for name in ("RS256", "ES256", "PS256", "EdDSA", "hs256")
        }
        return {
            **unsigned,
            **confused,
            "alg HS384": self.token({"alg": "HS384"}, digest="sha384"),
            "alg HS512": self.token({"alg": "HS512"}, digest="sha512"),
            "alg absent": self.token({"alg": ABSENT}),
            "alg a list": self.token({"alg": ["HS256"]}),
            "alg null": self.token({"alg": None}),
        }

    def _keys(self) -> dict[str, str]:
        stranger = hashlib.sha256(b"another install").digest()
        return {
            "kid unknown": self.token({"kid": "00000000"}),
            "kid unknown, no secret": self.token({"kid": "00000000"}, secret=b""),
            "kid a path, no secret": self.token({"kid": "../../../dev/null"}, secret=b""),
            "kid injects": self.token({"kid": "' union select '"}, secret=b""),
            "kid a list": self.token({"kid": [self.key.id]}),
            "kid a number": self.token({"kid": 0}),
            "kid null": self.token({"kid": None}, secret=b""),
            "kid absent": self.token({"kid": ABSENT}),
            "kid empty": self.token({"kid": ""}, secret=b""),
            "another install's key": self.token(secret=stranger),
            "another install": self.token({"kid": hashlib.sha256(stranger).hexdigest()[:8]}),
            "the id as the secret": self.token(secret=self.key.id.encode()),
        }

    def _headers(self) -> dict[str, str]:
        mine = {"kty": "oct", "k": _joined(b"mine"), "alg": "HS256"}
        return {
            "jku": self.token({"jku": "https://evil.example/keys"}, secret=b"mine"),
            "jku, our secret": self.token({"jku": "https://evil.example/keys"}),
            "jwk": self.token({"jwk": mine}, secret=b"mine"),
            "x5u": self.token({"x5u": "https://evil.example/chain"}, secret=b"mine"),
            "x5c": self.token({"x5c": ["MIIB"]}, secret=b"mine"),
            "crit": self.token({"crit": ["exp"]}),
            "b64": self.token({"b64": False, "crit": ["b64"]}),
            "zip": self.token({"zip": "DEF"}),
            "typ JWT": self.token({"typ": "JWT"}),
            "typ absent": self.token({"typ": ABSENT}),
        }

    def _times(self) -> dict[str, str]:
        iat = self.claims["iat"]
        expires: dict[str, object] = {
            "in the past": iat - 1,
            "absent": ABSENT,
            "null": None,
            "a day away": iat + 86_400,
            "huge": 10**18,
            "beyond floats": 10**400,
            "infinite": float("inf"),
            "not a number": float("nan"),
            "a string": str(iat + 900),
            "a list": [iat + 900],
            "true": True,
            "negative": -1,
        }
        return {
            **{f"exp {how}": self.token(claims={"exp": exp}) for how, exp in expires.items()},
            "iat absent": self.token(claims={"iat": ABSENT}),
            "iat a string": self.token(claims={"iat": str(iat)}),
            "iat in the future": self.token(claims={"iat": iat + 3600, "exp": iat + 4000}),
            "long over": self.token(claims={"iat": iat - 9000, "exp": iat - 8100}),
        }

    def _other_claims(self) -> dict[str, str]:
        changes: dict[str, tuple[str, object]] = {
            "aud of others": ("aud", "sloth-agent/console"),
            "aud absent": ("aud", ABSENT),
            "aud null": ("aud", None),
            "iss of others": ("iss", "https://accounts.example.com"),
            "iss absent": ("iss", ABSENT),
            "iss a list": ("iss", ["sloth-agent"]),
            "claim typ of others": ("typ", "refresh"),
            "claim typ absent": ("typ", ABSENT),
            "jti absent": ("jti", ABSENT),
            "sub absent": ("sub", ABSENT),
            "sub a number": ("sub", 1),
            "sub no id": ("sub", "admin"),
            "sid absent": ("sid", ABSENT),
            "sid a list": ("sid", [self.claims["sid"]]),
        }
        return {how: self.token(claims={name: to}) for how, (name, to) in changes.items()}

    def _broken(self) -> dict[str, str]:
        head, body, signature = self.genuine.split(".")
        edited = _joined(json.dumps({**self.claims, "sub": str(uuid4())}).encode())
        deep = _joined(b"[" * 1200)
        return {
            "claims edited": f"{head}.{edited}.{signature}",
            "signature changed": f"{head}.{body}.{signature.swapcase()}",
            "signature cut": self.genuine[:-4],
            "signature gone": f"{head}.{body}.",
            "half of it": self.genuine[: len(self.genuine) // 2],
            "two parts": f"{head}.{body}",
            "four parts": f"{self.genuine}.{signature}",
            "parts changed about": f"{body}.{head}.{signature}",
            "oversized": self.token(claims={"more": "x" * 3000}),
            "letters from elsewhere": f"{head}.{body}.підпис",
            "a lone surrogate": f"{head}.{body}.\udcff",
            "a zero byte": _joined(b"\0") + f".{body}.{signature}",
            "header deep": self.signed(deep, body),
            "claims deep": self.signed(head, deep),
            "claims a list": self.signed(head, _joined(b"[]")),
            "claims a word": self.signed(head, _joined(b'"admin"')),
            "claims no JSON": self.signed(head, _joined(b"{")),
            "header a list": self.signed(_joined(b"[]"), body),
            "only dots": "..",
        }


def _changed(
    original: Mapping[str, object], changes: Mapping[str, object] | None
) -> dict[str, object]:
    changed = {**original, **(changes or {})}
    return {name: value for name, value in changed.items() if value is not ABSENT}


def _parsed(part: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return parsed


def _joined(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
