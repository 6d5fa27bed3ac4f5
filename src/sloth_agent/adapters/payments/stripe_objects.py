"""Stripe's objects, as ours. Amounts there are counted in the currency's smallest unit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.payments.models import (
    Charge,
    ChargeStatus,
    Invoice,
    InvoiceStatus,
    Price,
    RemoteSubscription,
)

PLAN = "sloth_plan"
"""In the metadata of products and prices: the plan's slug."""

ORGANIZATION = "sloth_organization"
"""In the metadata of customers and subscriptions: whose they are."""

WITHOUT_CENTS = {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"} | {
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
}
IN_THOUSANDTHS = {"BHD", "JOD", "KWD", "OMR", "TND"}

_STATUSES = {
    "trialing": SubscriptionStatus.TRIALING,
    "active": SubscriptionStatus.ACTIVE,
    "past_due": SubscriptionStatus.PAST_DUE,
    "unpaid": SubscriptionStatus.UNPAID,
    "paused": SubscriptionStatus.UNPAID,  # a trial that ended without a card
    "canceled": SubscriptionStatus.CANCELED,
}
"""Others never began: their first payment has not come."""

_CYCLES: Mapping[tuple[Any, Any], BillingCycle] = {
    ("month", 1): BillingCycle.MONTHLY,
    ("year", 1): BillingCycle.YEARLY,
}


def has_begun(subscription: Mapping[str, Any]) -> bool:
    return subscription["status"] in _STATUSES


def is_due(subscription: Mapping[str, Any]) -> bool:
    """Whether an invoice of it was not paid in time."""
    return subscription["status"] in ("past_due", "unpaid")


def subscription_of(
    found: Mapping[str, Any], *, past_due_since: datetime | None = None
) -> RemoteSubscription:
    items = found["items"]["data"]
    ours = [each for each in items if PLAN in each["price"]["metadata"]]
    (item, *_) = ours or items
    return RemoteSubscription(
        id=found["id"],
        customer=found["customer"],
        organization=found["metadata"].get(ORGANIZATION),
        status=_STATUSES[found["status"]],
        price=price_of(item["price"]),
        item=item["id"],
        is_mixed=len(ours) > 1 or any(each.get("quantity", 1) != 1 for each in ours),
        created_at=moment(found["created"]),
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        trial_start=_moment_or_none(found["trial_start"]),
        trial_end=_moment_or_none(found["trial_end"]),
        cancel_at_period_end=found["cancel_at_period_end"],
        cancel_at=_moment_or_none(found["cancel_at"]),
        canceled_at=_moment_or_none(found["canceled_at"]),
        ended_at=_moment_or_none(found["ended_at"]),
        past_due_since=past_due_since,
    )


def price_of(found: Mapping[str, Any]) -> Price:
    recurring = found["recurring"] or {}
    currency = found["currency"].upper()
    return Price(
        id=found["id"],
        plan=found["metadata"].get(PLAN),
        cycle=_CYCLES.get((recurring.get("interval"), recurring.get("interval_count"))),
        amount=amount_of(found["unit_amount"] or 0, currency),
        currency=currency,
    )


def invoice_of(found: Mapping[str, Any]) -> Invoice:
    currency = found["currency"].upper()
    return Invoice(
        id=found["id"],
        number=found["number"],
        status=InvoiceStatus(found["status"]),
        total=amount_of(found["total"], currency),
        paid=amount_of(found["amount_paid"], currency),
        currency=currency,
        created_at=moment(found["created"]),
        url=found["hosted_invoice_url"],
        pdf=found["invoice_pdf"],
    )


def charge_of(found: Mapping[str, Any]) -> Charge:
    currency = found["currency"].upper()
    return Charge(
        id=found["id"],
        customer=found["customer"],
        amount=amount_of(found["amount"], currency),
        refunded=amount_of(found["amount_refunded"], currency),
        currency=currency,
        status=ChargeStatus(found["status"]),
        created_at=moment(found["created"]),
        dispute="disputed" if found["disputed"] else None,
    )


def amount_of(units: int, currency: str) -> Decimal:
    """2900 units of EUR are 29.00, and of JPY 2900."""
    return Decimal(units).scaleb(-_decimals(currency))


def units_of(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(_decimals(currency)).to_integral_exact())


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def _decimals(currency: str) -> int:
    return 0 if currency in WITHOUT_CENTS else 3 if currency in IN_THOUSANDTHS else 2


def due_since(invoice: Mapping[str, Any]) -> datetime:
    """Since it was made final."""
    made_final = invoice["status_transitions"]["finalized_at"]
    return moment(made_final if made_final is not None else invoice["created"])
