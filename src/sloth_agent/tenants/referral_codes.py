"""What users hand on, so that a firm that signs up counts for them."""

import secrets

from sloth_agent.errors import InvalidInput

SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which look like others."""

LENGTH = 10


def new_referral_code() -> str:
    """50 random bits: short enough to be read out."""
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))


def normalised_referral_code(code: str) -> str:
    """In capitals, without spaces and hyphens.

    Raises:
        InvalidInput: nobody can have such a code.
    """
    signs = "".join(code.split()).replace("-", "").upper()
    if len(signs) == LENGTH and set(signs) <= set(SIGNS):
        return signs
    raise unknown_referral_code()


def unknown_referral_code() -> InvalidInput:
    return InvalidInput(
        "There is no such referral code.",
        hint="Look for a typing error, or leave it out.",
        field="referral_code",
    )
