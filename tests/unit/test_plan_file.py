"""The file of plans: read whole, or refused with a line and a reason."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.models import Feature, Limits, Plan, Terms
from sloth_agent.billing.plan_file import (
    LARGEST_NUMBER,
    LONGEST_NAME,
    read_plans,
    shipped_plans,
    write_plans,
)
from sloth_agent.errors import InvalidInput

STARTER = """\
[starter]
name = "Starter"
price_monthly = 29.00
price_yearly = 290
currency = "EUR"
trial_days = 14
max_users = 3
max_documents = 200
max_photos_per_month = "unlimited"
max_messages_per_month = 1000
max_storage_mb = 1000
features = ["telegram", "api"]
"""


def test_the_shipped_plans() -> None:
    plans = shipped_plans()
    assert [plan.name for plan in plans] == ["Free", "Starter", "Professional", "Enterprise"]
    assert [plan.step for plan in plans] == [1, 2, 3, 4]
    assert [plan.trial_days for plan in plans] == [0, 14, 14, 14]
    assert [plan.terms.free for plan in plans] == [True, False, False, False]


def test_limits_in_the_words_of_usage() -> None:
    limits = read_plans(STARTER)[0].terms.limits
    assert (limits.users, limits.documents, limits.photos, limits.messages) == (3, 200, None, 1000)
    assert limits.storage_bytes == 1000 * 1024 * 1024


@pytest.mark.parametrize(
    ("line", "instead", "number", "reason"),
    [
        ("max_users = 3\n", "", 1, "lacks max_users"),
        ("max_users = 3", "max_users = -1", 7, "max_users of starter is -1"),
        ("max_users = 3", "max_users = 3.5", 7, "max_users of starter is not a whole number"),
        ("max_users = 3", "max_users = true", 7, "max_users of starter is not a whole number"),
        ("max_users = 3", 'max_users = "many"', 7, "max_users of starter is not a whole number"),
        ("max_users = 3", f"max_users = 1{'0' * 30}", 7, "max_users of starter is 10000"),
        ("max_users = 3", "max_usres = 3", 7, "unknown key 'max_usres'"),
        ("max_users = 3", "max_users = 3\nstripe = 'x'", 8, "unknown key 'stripe'"),
        ("max_users = 3", "max_users = 3\nmax_cost_per_month = -1", 8, "max_cost_per_month"),
        ("max_users = 3", "max_users = 3\nmax_cost_per_month = 'x'", 8, "max_cost_per_month"),
        ("price_monthly = 29.00", "price_monthly = 29.001", 3, "two decimals"),
        ("price_monthly = 29.00", "price_monthly = -29", 3, "two decimals"),
        ("price_monthly = 29.00", "price_monthly = nan", 3, "two decimals"),
        ("price_monthly = 29.00", "price_monthly = inf", 3, "two decimals"),
        ("price_monthly = 29.00", "price_monthly = 1e999999", 3, "two decimals"),
        ("price_monthly = 29.00", 'price_monthly = "29"', 3, "two decimals"),
        ('currency = "EUR"', 'currency = "euro"', 5, "three letters"),
        ("trial_days = 14", "trial_days = 1000", 6, "trial_days of starter is 1000"),
        ('"telegram", "api"', '"telegramm"', 12, "no feature 'telegramm'"),
        ('"telegram", "api"', "[]", 12, "no feature []"),
        ('["telegram", "api"]', '"api"', 12, "features of starter is not a list"),
        ('"Starter"', '" "', 2, "1 to 100 printable"),
        ('"Starter"', '"a\\u001b[2J"', 2, "1 to 100 printable"),
        ("[starter]", "[Starter]", 1, "'Starter' cannot name a plan"),
        ("[starter]", '["starter; drop table"]', 1, "cannot name a plan"),
        ("[starter]", "[ 'starter' ] # ours\n\nprices = 1", 3, "unknown key 'prices'"),
        ("[starter]", "colour = 1\n[starter]", 1, "'colour' stands outside"),
        ("[starter]", "[starter]\nis_active = 1", 2, "is_active of starter is not true or false"),
        ("features", f"\n{STARTER}\nfeatures", 13, "two plans 'starter'"),
    ],
)
def test_what_is_wrong_and_where(line: str, instead: str, number: int, reason: str) -> None:
    assert line in STARTER
    with pytest.raises(InvalidInput) as refused:
        read_plans(STARTER.replace(line, instead, 1))
    assert refused.value.message.startswith(f"Line {number}: ")
    assert reason in refused.value.message
    assert refused.value.details["line"] == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "[starter",
        "\0",
        "a = 1\na = 2\n",
        f"a = {'[' * 100_000}",
        f"a = {'9' * 100_000}",
        f"[{' ' * 100_000}",
    ],
    ids=range(8),
)
def test_what_is_no_file_of_plans(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_plans(text)


def test_a_line_is_found_in_the_second_plan() -> None:
    second = STARTER.replace("[starter]", "[large]").replace("max_users = 3", "max_users = -3")
    with pytest.raises(InvalidInput, match="Line 20: max_users of large"):
        read_plans(f"{STARTER}\n{second}")


LIMIT = st.integers(0, LARGEST_NUMBER) | st.none()
PRICE = st.decimals(0, LARGEST_NUMBER, places=2)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_NAME)
TERMS = st.builds(
    Terms,
    limits=st.builds(
        Limits,
        max_users=LIMIT,
        max_documents=LIMIT,
        max_photos_per_month=LIMIT,
        max_messages_per_month=LIMIT,
        max_storage_mb=LIMIT,
    ),
    features=st.frozensets(st.sampled_from(Feature)),
    price_monthly=PRICE,
    price_yearly=PRICE,
    currency=st.from_regex(r"[A-Z]{3}", fullmatch=True),
    max_cost_per_month=PRICE | st.none(),
)


@given(name=NAMES, terms=TERMS, trial_days=st.integers(0, 366), is_active=st.booleans())
def test_what_is_written_is_read_again(
    name: str, terms: Terms, trial_days: int, is_active: bool
) -> None:
    plans = [
        Plan(
            slug=slug,
            name=name,
            step=step,
            terms=terms,
            trial_days=trial_days,
            is_active=is_active,
        )
        for step, slug in enumerate(("one", "two-2"), start=1)
    ]
    assert read_plans(write_plans(plans)) == plans


def test_prices_are_exact() -> None:
    [plan] = read_plans(STARTER.replace("29.00", "0.1"))
    assert plan.terms.price_monthly == Decimal("0.10")
    assert str(plan.terms.price_monthly) == "0.10"
