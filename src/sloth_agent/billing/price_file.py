"""The file of prices that an operator edits: read whole or refused."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any, NoReturn

from sloth_agent.billing.prices import CostKind, Price, PriceTable
from sloth_agent.billing.toml_lines import Lines
from sloth_agent.errors import ConfigurationError

LARGEST_PRICE = 1_000_000
DECIMALS = 6
"""So that the cost of a single token is exact."""

PAID_FOR: Mapping[CostKind, tuple[str, ...]] = {
    CostKind.CHAT: ("input", "output"),
    CostKind.EMBEDDING: ("input",),
    CostKind.CHANNEL: ("message",),
}
"""The keys of each kind of price: all of them have to be there."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_LINE = re.compile(r" \(at line (\d+), column \d+\)")


def shipped_prices() -> str:
    """The file that holds where no other is named."""
    return files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")


def read_prices(text: str) -> PriceTable:
    """The prices of a file.

    Raises:
        ConfigurationError: one thing that is wrong, with its line. Details: line.
    """
    return _File(_values(text), Lines(text)).table()


def _values(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        place = _LINE.search(str(error))
        line = int(place[1]) if place else len(text.splitlines()) or 1
        raise _refusal(line, _LINE.sub("", str(error)).rstrip(".")) from None
    except (ValueError, RecursionError):  # numbers and nesting beyond what Python reads
        raise _refusal(1, "a number is too long, or brackets nest too deep") from None


def _refusal(line: int, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The prices cannot be used. Line {line}: {reason}.",
        hint="Correct the file that SLOTH_PRICES names.",
        line=line,
    )


@dataclass(frozen=True, slots=True)
class _File:
    """A whole file as it stands there."""

    values: Mapping[str, Any]
    lines: Lines

    def table(self) -> PriceTable:
        for name in self.values:
            if name not in {"currency", "rates", *CostKind}:
                self._refuse(f"unknown key {name!r}; known are currency, rates, {_kinds()}", name)
        return PriceTable(
            currency=self._currency("currency", self.values.get("currency")),
            rates={
                self._currency("rates", code, code): self._rate(code, rate)
                for code, rate in self._table("rates").items()
            },
            prices={
                kind: {name: self._price(kind, name) for name in self._table(kind)}
                for kind in CostKind
            },
        )

    def _table(self, *path: str) -> Mapping[str, Any]:
        """What stands under a name; nothing where the name is absent."""
        found: Any = self.values
        for name in path:
            found = found.get(name, {})
            if not isinstance(found, dict):
                self._refuse(f"{'.'.join(path)} is not a table", *path)
        table: Mapping[str, Any] = found
        return table

    def _price(self, kind: CostKind, name: str) -> Price:
        given, wanted = self._table(kind, name), PAID_FOR[kind]
        for key in given:
            if key not in wanted:
                self._refuse(f"unknown key {key!r} of {name}", kind, name, key)
        for key in wanted:
            if key not in given:
                self._refuse(f"{name} lacks {key}", kind, name)
        return Price(**{key: self._amount(given[key], kind, name, key) for key in wanted})

    def _rate(self, code: str, value: object) -> Decimal:
        rate = self._amount(value, "rates", code)
        if rate == 0:
            self._refuse(f"the rate of {code} is 0", "rates", code)
        return rate

    def _amount(self, value: Any, *path: str) -> Decimal:
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        amount = Decimal(value) if is_number else Decimal("NaN")
        in_range = amount.is_finite() and 0 <= amount <= LARGEST_PRICE
        if not in_range or round(amount, DECIMALS) != amount:
            self._refuse(
                f"{' '.join(path[-2:])} is not a number from 0 to {LARGEST_PRICE}"
                f" with {DECIMALS} decimals at most",
                *path,
            )
        return round(amount, DECIMALS)

    def _currency(self, key: str, value: object, *path: str) -> str:
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            self._refuse(f"the {key} wants three letters like EUR", key, *path)
        return value

    def _refuse(self, reason: str, *path: str) -> NoReturn:
        raise _refusal(self.lines.of(*path), reason)


def _kinds() -> str:
    return ", ".join(CostKind)
