"""The file of prices: read whole, or refused with the line and the reason."""

from decimal import Decimal

import pytest

from sloth_agent.billing.price_file import read_prices, shipped_prices
from sloth_agent.billing.prices import CostKind, Price
from sloth_agent.errors import ConfigurationError

GOOD = """\
currency = "USD"
rates = {EUR = 0.9}

[chat."openai/gpt-5-mini"]
input = 0.25
output = 2

[chat."openai/*"]
input = 1
output = 1

[channel]
whatsapp = {message = 0.005}
"""


def test_the_shipped_file_prices_what_is_used_without_settings() -> None:
    prices = read_prices(shipped_prices())
    assert prices.price(CostKind.CHAT, "openai/gpt-5-mini") == Price(
        input=Decimal("0.25"), output=Decimal(2)
    )
    small = prices.price(CostKind.EMBEDDING, "openai/text-embedding-3-small/1536")
    assert small == Price(input=Decimal("0.02"))
    for kind, name in ((CostKind.CHAT, "extractive"), (CostKind.EMBEDDING, "onnx/a/b/384")):
        price = prices.price(kind, name)
        assert price is not None
        assert price.free


def test_a_name_wins_over_a_pattern_and_what_is_not_listed_has_no_price() -> None:
    prices = read_prices(GOOD)
    assert prices.price(CostKind.CHAT, "openai/gpt-5-mini") == Price(
        input=Decimal("0.25"), output=Decimal(2)
    )
    assert prices.price(CostKind.CHAT, "openai/o9") == Price(input=Decimal(1), output=Decimal(1))
    assert prices.price(CostKind.CHAT, "acme/one") is None
    assert prices.price(CostKind.EMBEDDING, "openai/gpt-5-mini") is None


def test_costs_are_exact() -> None:
    prices = read_prices(GOOD)
    mini = prices.price(CostKind.CHAT, "openai/gpt-5-mini")
    assert mini is not None
    assert mini.of(calls=1, input_tokens=1, output_tokens=1) == Decimal("0.00000225")
    whatsapp = prices.price(CostKind.CHANNEL, "whatsapp")
    assert whatsapp is not None
    assert whatsapp.of(calls=3, input_tokens=0, output_tokens=0) == Decimal("0.015")


def test_other_currencies_are_reached_by_the_rates() -> None:
    prices = read_prices(GOOD)
    assert prices.in_currency(Decimal(10), "EUR", of="USD") == 9
    assert prices.in_currency(Decimal(9), "USD", of="EUR") == 10
    assert prices.in_currency(Decimal(9), "PLN", of="PLN") == 9
    assert prices.in_currency(Decimal(9), "PLN", of="USD") is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "currency"),
        ("currency = 'usd'", 1, "three letters"),
        (GOOD.replace('"USD"', "5"), 1, "three letters"),
        (GOOD.replace("EUR = 0.9", "EUR = 0"), 2, "rate of EUR is 0"),
        (GOOD.replace("EUR = 0.9", "euro = 0.9"), 2, "three letters"),
        (GOOD.replace("0.25", "-0.25"), 5, "input"),
        (GOOD.replace("0.25", "0.0000001"), 5, "6 decimals"),
        (GOOD.replace("0.25", "nan"), 5, "input"),
        (GOOD.replace("0.25", "inf"), 5, "input"),
        (GOOD.replace("0.25", "true"), 5, "input"),
        (GOOD.replace("0.25", "'0.25'"), 5, "input"),
        (GOOD.replace("0.25", "2000000"), 5, "1000000"),
        (GOOD.replace("output = 2\n", ""), 4, "openai/gpt-5-mini lacks output"),
        (GOOD.replace("output = 2\n", "output = 2\nmessage = 1\n"), 7, "unknown key 'message'"),
        (GOOD.replace("[channel]", "[chanel]"), 12, "unknown key 'chanel'"),
        (GOOD.replace("{message = 0.005}", "0.005"), 13, "not a table"),
        (GOOD + '[chat."openai/*"]\n', 14, "twice"),
        (GOOD + "input = \n", 14, "Invalid value"),
        (f"a = {'[' * 5000}", 1, "too deep"),
    ],
)
def test_one_mistake_refuses_the_file_and_is_named(text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_prices(text)
    assert reason in refused.value.message
    assert refused.value.details["line"] == line
    assert f"Line {line}:" in refused.value.message
    assert "SLOTH_PRICES" in (refused.value.hint or "")
