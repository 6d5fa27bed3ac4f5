"""What services outside cost us, and what that is in the money of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase

MILLION = 1_000_000


class CostKind(StrEnum):
    """What is paid for."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    CHANNEL = "channel"  # one call is one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Per million tokens, and per call."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    message: Decimal = Decimal(0)

    @property
    def free(self) -> bool:
        return not (self.input or self.output or self.message)

    def of(self, *, calls: int, input_tokens: int, output_tokens: int) -> Decimal:
        """Exact: nothing is rounded."""
        tokens = self.input * input_tokens + self.output * output_tokens
        return tokens / MILLION + self.message * calls


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """All prices of one moment, in one currency."""

    currency: str  # ISO 4217, such as USD
    rates: Mapping[str, Decimal]  # what one unit of it is in other currencies
    prices: Mapping[CostKind, Mapping[str, Price]]  # by name, or pattern such as `onnx/*`

    def price(self, kind: CostKind, model: str) -> Price | None:
        """By its very name, else by the first pattern that fits; None: nobody knows."""
        known = self.prices.get(kind, {})
        if model in known:
            return known[model]
        return next((price for name, price in known.items() if fnmatchcase(model, name)), None)

    def in_currency(self, amount: Decimal, currency: str, *, of: str) -> Decimal | None:
        """An amount of one currency in another; None: no rate leads there. Not rounded."""
        if of == currency:
            return amount
        here, there = self._rate(of), self._rate(currency)
        return None if here is None or there is None else amount / here * there

    def _rate(self, currency: str) -> Decimal | None:
        return Decimal(1) if currency == self.currency else self.rates.get(currency)
