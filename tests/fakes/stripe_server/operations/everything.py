"""All operations: importing their modules puts them into the table."""

from fakes.stripe_server.operations import (
    for_catalog,
    for_checkout,
    for_customers,
    for_events,
    for_invoices,
    for_money,
    for_subscriptions,
)
from fakes.stripe_server.operations.table import perform

PARTS = (
    for_catalog,
    for_checkout,
    for_customers,
    for_events,
    for_invoices,
    for_money,
    for_subscriptions,
)

__all__ = ["PARTS", "perform"]
