"""Smallest coins and sums in a currency."""

from decimal import Decimal

WITHOUT_CENTS = frozenset({"jpy", "krw", "vnd", "clp", "isk", "ugx", "xaf", "xof"})


def in_money(coins: int, currency: str) -> Decimal:
    return Decimal(coins).scaleb(0 if currency in WITHOUT_CENTS else -2)
