"""What an activation code looks like: made, read as people type it, and digested.

20 signs in four groups, such as 7KQ2M-XW4RT-9HNB6-ZC3VA. 19 of them are random (94 bits), the last
one checks the others. There is no 0, O, 1, I or L to be taken for each other. The number of signs,
31, is a prime: so one wrong sign, or two that changed places, never give a code that checks.
"""

import hashlib
import secrets

SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
RANDOM_SIGNS = 19
GROUP = 5

_BETWEEN = str.maketrans("", "", " \t\r\n\u00a0-\u2010\u2011\u2012\u2013\u2014_.")
_LONGEST = 100  # what is longer is no code with spaces, and is not looked at


def new_code() -> str:
    signs = [secrets.choice(SIGNS) for _ in range(RANDOM_SIGNS)]
    return grouped("".join(signs) + _check_sign(signs))


def grouped(code: str) -> str:
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def digest_of(typed: str) -> bytes | None:
    """What is stored of a code, however it is typed; None: mistyped, no code at all.

    94 random bits are not found by trying, so a plain digest hides them.
    """
    code = typed[: _LONGEST + 1].translate(_BETWEEN).upper()
    if len(code) != RANDOM_SIGNS + 1 or not set(code) <= set(SIGNS):
        return None
    if _check_sign(code[:-1]) != code[-1]:
        return None
    return hashlib.sha256(code.encode()).digest()


def _check_sign(signs: "str | list[str]") -> str:
    """Weighs each sign by its place, so that places matter."""
    weighed = sum(place * SIGNS.index(sign) for place, sign in enumerate(signs, start=1))
    return SIGNS[-weighed * pow(RANDOM_SIGNS + 1, -1, len(SIGNS)) % len(SIGNS)]
