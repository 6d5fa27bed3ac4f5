"""The file of plans that an operator edits: read whole or refused, and written again."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from importlib.resources import files
from typing import Any, NoReturn, TypeVar

from sloth_agent.billing.models import Feature, Limits, Plan, Terms
from sloth_agent.billing.toml_lines import Lines
from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.models import checked_slug

UNLIMITED = "unlimited"
LARGEST_NUMBER = 1_000_000_000
MOST_TRIAL_DAYS = 366
LONGEST_NAME = 100

LIMITS = tuple(field.name for field in fields(Limits))
COST_CAP = "max_cost_per_month"
_REQUIRED = {"name", "price_monthly", "price_yearly", "currency", "trial_days", "features", *LIMITS}
_KNOWN = {*_REQUIRED, "is_active", COST_CAP}
_CURRENCY = re.compile(r"[A-Z]{3}")
_DUPLICATE = re.compile(r"Cannot declare \('(.*)',\) twice \(at line (\d+)")

Kind = TypeVar("Kind")


def shipped_plans() -> Sequence[Plan]:
    """Those that every install begins with."""
    return read_plans(files(__package__).joinpath("plans.toml").read_text(encoding="utf-8"))


def read_plans(text: str) -> Sequence[Plan]:
    """The plans of a file, in its order: the smallest first.

    Raises:
        InvalidInput: one thing that is wrong, with its line. Details: line.
    """
    tables = _tables(text)
    if not tables:
        raise InvalidInput(
            "The file holds no plan.", hint="See `sloth admin plans export`.", field="plans"
        )
    lines = Lines(text)
    return [
        _Table(slug, table, lines).plan(step)
        for step, (slug, table) in enumerate(tables.items(), start=1)
    ]


def write_plans(plans: Iterable[Plan]) -> str:
    """The file that `read_plans` reads as these plans."""
    return "\n".join(_written(plan) for plan in plans)


def _tables(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        twice = _DUPLICATE.match(str(error))
        if twice:
            slug, line = twice.groups()
            raise _refusal(int(line), f"there are two plans {slug!r}") from None
        raise InvalidInput(f"The plans cannot be read: {error}.", field="plans") from None
    except (ValueError, RecursionError):  # numbers and nesting beyond what Python reads
        raise InvalidInput(
            "The plans cannot be read: a number is too long, or brackets nest too deep.",
            field="plans",
        ) from None


def _refusal(line: int, reason: str) -> InvalidInput:
    return InvalidInput(
        f"Line {line}: {reason}.", hint="No plan was changed.", field="plans", line=line
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """One plan as it stands in the file."""

    slug: str
    values: Any
    lines: Lines

    def plan(self, step: int) -> Plan:
        self._check_keys()
        return Plan(
            slug=self.slug,
            name=self._name(),
            step=step,
            terms=Terms(
                limits=Limits(**{limit: self._limit(limit) for limit in LIMITS}),
                features=self._features(),
                price_monthly=self._price("price_monthly"),
                price_yearly=self._price("price_yearly"),
                currency=self._currency(),
                max_cost_per_month=self._price(COST_CAP) if COST_CAP in self.values else None,
            ),
            trial_days=self._number("trial_days", MOST_TRIAL_DAYS),
            is_active=self._of_kind("is_active", bool, "true or false")
            if "is_active" in self.values
            else True,
        )

    def _check_keys(self) -> None:
        if not isinstance(self.values, dict):
            self._refuse(None, f"{self.slug!r} stands outside of any plan such as [starter]")
        try:
            checked_slug(self.slug)
        except InvalidInput:
            self._refuse(None, f"{self.slug!r} cannot name a plan; use a-z, 0-9 and hyphens")
        for key in self.values:
            if key not in _KNOWN:
                self._refuse(key, f"{self.slug} has an unknown key {key!r}")
        for key in sorted(_REQUIRED):
            if key not in self.values:
                self._refuse(None, f"{self.slug} lacks {key}")

    def _name(self) -> str:
        name = self._of_kind("name", str, "a text")
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            self._refuse("name", f"a name has 1 to {LONGEST_NAME} printable characters")
        return name

    def _limit(self, key: str) -> int | None:
        if self.values[key] == UNLIMITED:
            return None
        return self._number(key, LARGEST_NUMBER, f', or "{UNLIMITED}"')

    def _number(self, key: str, largest: int, otherwise: str = "") -> int:
        wanted = f"a whole number from 0 to {largest}{otherwise}"
        number = self._of_kind(key, int, wanted)
        if not 0 <= number <= largest:
            self._refuse(key, f"{key} of {self.slug} is {number}, not {wanted}")
        return number

    def _price(self, key: str) -> Decimal:
        value = self.values[key]
        wanted = "a price with two decimals at most, such as 29.00"
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._refuse(key, f"{key} of {self.slug} is not {wanted}")
        price = Decimal(value)
        if not price.is_finite() or not 0 <= price <= LARGEST_NUMBER or round(price, 2) != price:
            self._refuse(key, f"{key} of {self.slug} is {value}, not {wanted}")
        return round(price, 2)

    def _currency(self) -> str:
        currency = self._of_kind("currency", str, "a text")
        if not _CURRENCY.fullmatch(currency):
            self._refuse("currency", f"the currency of {self.slug} is not three letters like EUR")
        return currency

    def _features(self) -> frozenset[Feature]:
        names = self._of_kind("features", list, "a list such as []")
        for name in names:
            if name not in list(Feature):
                known = ", ".join(Feature)
                self._refuse("features", f"there is no feature {name!r}; known are {known}")
        return frozenset(Feature(name) for name in names)

    def _of_kind(self, key: str, kind: type[Kind], wanted: str) -> Kind:
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            self._refuse(key, f"{key} of {self.slug} is not {wanted}")
        return value

    def _refuse(self, key: str | None, reason: str) -> NoReturn:
        raise _refusal(self.lines.of(*filter(None, (self.slug, key))), reason)


def _written(plan: Plan) -> str:
    terms = plan.terms
    limits = {name: getattr(terms.limits, name) for name in LIMITS}
    lines = [
        f"[{plan.slug}]",
        f"name = {_text(plan.name)}",
        f"price_monthly = {terms.price_monthly}",
        f"price_yearly = {terms.price_yearly}",
        f"currency = {_text(terms.currency)}",
        f"trial_days = {plan.trial_days}",
        *(
            f"{name} = {_text(UNLIMITED) if limit is None else limit}"
            for name, limit in limits.items()
        ),
        *(
            ()
            if terms.max_cost_per_month is None
            else (f"{COST_CAP} = {terms.max_cost_per_month}",)
        ),
        f"features = [{', '.join(_text(feature) for feature in sorted(terms.features))}]",
        *(() if plan.is_active else ("is_active = false",)),
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
