"""Records as Stripe shows them."""

from collections.abc import Callable
from typing import Any

from fakes.stripe_server.money_shapes import (
    charge,
    dispute,
    invoice,
    invoice_payment,
    payment_intent,
    refund,
)
from fakes.stripe_server.records import (
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    Invoice,
    InvoicePayment,
    Json,
    PaymentIntent,
    PaymentMethod,
    PortalSession,
    Price,
    Product,
    Record,
    Refund,
    Subscription,
    SubscriptionItem,
)
from fakes.stripe_server.shape_parts import TAX_OFF, head, list_of

CARD: Json = {
    "brand": "visa",
    "country": "US",
    "exp_month": 12,
    "exp_year": 2099,
    "fingerprint": "Loopback",
    "funding": "credit",
}


def customer(it: Customer) -> Json:
    if it.deleted:
        return {"id": it.id, "object": "customer", "deleted": True}
    return head(it, "customer") | {
        "address": it.address,
        "balance": it.balance,
        "currency": it.currency,
        "default_source": None,
        "delinquent": it.delinquent,
        "description": it.description,
        "discount": None,
        "email": it.email,
        "invoice_prefix": it.invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": it.default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": dict(it.metadata),
        "name": it.name,
        "next_invoice_sequence": it.invoices_numbered + 1,
        "phone": it.phone,
        "preferred_locales": list(it.preferred_locales),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(it: PaymentMethod) -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    person = {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}
    more = {"checks": None, "generated_from": None, "networks": None, "wallet": None}
    use = {"display_brand": "visa", "three_d_secure_usage": {"supported": True}}
    return head(it, "payment_method") | {
        "allow_redisplay": "always",
        "billing_details": person,
        "card": CARD | more | use | {"last4": _last4(it)},
        "customer": it.customer,
        "metadata": {},
        "type": "card",
    }


def _last4(card: PaymentMethod) -> str:
    """Of Stripe's own test cards."""
    return "0341" if card.declines else "4242"


def product(it: Product) -> Json:
    return head(it, "product") | {
        "active": it.active,
        "default_price": None,
        "description": it.description,
        "images": [],
        "marketing_features": [],
        "metadata": dict(it.metadata),
        "name": it.name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": it.unit_label,
        "updated": it.updated,
        "url": None,
    }


def price(it: Price) -> Json:
    return head(it, "price") | {
        "active": it.active,
        "billing_scheme": "per_unit",
        "currency": it.currency,
        "custom_unit_amount": None,
        "lookup_key": it.lookup_key,
        "metadata": dict(it.metadata),
        "nickname": it.nickname,
        "product": it.product.id,
        "recurring": {
            "interval": it.interval,
            "interval_count": it.interval_count,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": it.tax_behavior,
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": it.unit_amount,
        "unit_amount_decimal": str(it.unit_amount),
    }


def _plan(it: Price) -> Json:
    """The older word for a price, still shown beside it."""
    return head(it, "plan") | {
        "active": it.active,
        "amount": it.unit_amount,
        "amount_decimal": str(it.unit_amount),
        "billing_scheme": "per_unit",
        "currency": it.currency,
        "interval": it.interval,
        "interval_count": it.interval_count,
        "metadata": dict(it.metadata),
        "meter": None,
        "nickname": it.nickname,
        "product": it.product.id,
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def subscription_item(it: SubscriptionItem) -> Json:
    return {
        "id": it.id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": it.created,
        "current_period_end": it.period_end,
        "current_period_start": it.period_start,
        "discounts": [],
        "metadata": dict(it.metadata),
        "plan": _plan(it.price),
        "price": price(it.price),
        "quantity": it.quantity,
        "subscription": it.subscription,
        "tax_rates": [],
    }


def subscription(it: Subscription) -> Json:
    items = [subscription_item(item) for item in it.items]
    return (
        head(it, "subscription")
        | {
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": it.anchor,
            "billing_mode": {"type": "flexible", "flexible": None},
            "cancel_at": it.period_end if it.cancel_at_period_end else it.cancel_at,
            "cancel_at_period_end": it.cancel_at_period_end,
            "canceled_at": it.canceled_at,
            "billing_schedules": [],
            "cancellation_details": dict(it.cancellation),
            "collection_method": "charge_automatically",
            "currency": it.currency,
            "customer": it.customer.id,
            "default_payment_method": it.default_payment_method,
            "description": it.description,
            "ended_at": it.ended_at,
            "items": list_of(items, f"/v1/subscription_items?subscription={it.id}"),
            "latest_invoice": it.invoices[-1].id if it.invoices else None,
            "metadata": dict(it.metadata),
            "start_date": it.created,
            "status": it.status.value,
            "trial_end": it.trial_end,
            "trial_settings": {
                "end_behavior": {"missing_payment_method": it.missing_payment_method}
            },
            "trial_start": it.trial_start,
        }
        | _unused_of_subscriptions()
    )


def _unused_of_subscriptions() -> Json:
    nothing = (
        "application",
        "application_fee_percent",
        "billing_cycle_anchor_config",
        "billing_thresholds",
        "days_until_due",
        "default_source",
        "next_pending_invoice_item_invoice",
        "on_behalf_of",
        "pause_collection",
        "pending_invoice_item_interval",
        "pending_setup_intent",
        "pending_update",
        "schedule",
        "test_clock",
        "transfer_data",
    )
    return dict.fromkeys(nothing) | {
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
    }


def checkout_session(it: CheckoutSession) -> Json:
    return (
        head(it, "checkout.session") | _of_this_session(it) | _outcome_of_session(it)
    ) | _unused_of_sessions()


def _of_this_session(it: CheckoutSession) -> Json:
    return {
        "amount_subtotal": it.amount_total,
        "amount_total": it.amount_total,
        "cancel_url": it.cancel_url,
        "client_reference_id": it.client_reference_id,
        "currency": it.prices[0][0].currency,
        "customer_creation": None if it.customer else "always",
        "customer_email": it.customer_email,
        "expires_at": it.expires_at,
        "locale": it.locale,
        "metadata": dict(it.metadata),
        "payment_method_collection": it.payment_method_collection,
        "success_url": it.success_url,
        "url": it.url if it.status == "open" else None,
    }


def _outcome_of_session(it: CheckoutSession) -> Json:
    email = it.customer.email if it.customer else it.customer_email
    details: Json = {"email": email, "name": it.customer.name if it.customer else None}
    details |= {"address": None, "phone": None, "tax_exempt": "none", "tax_ids": []}
    due = it.invoice.amount_due if it.invoice else it.amount_total
    paid = "paid" if it.status == "complete" else "unpaid"
    return {
        "customer": it.customer.id if it.customer else None,
        "customer_details": details if email else None,
        "invoice": it.invoice.id if it.invoice else None,
        "payment_status": paid if due else "no_payment_required",
        "status": it.status,
        "subscription": it.subscription.id if it.subscription else None,
    }


def _unused_of_sessions() -> Json:
    nothing = (
        "after_expiration",
        "allow_promotion_codes",
        "billing_address_collection",
        "client_secret",
        "consent",
        "consent_collection",
        "currency_conversion",
        "invoice_creation",
        "payment_intent",
        "payment_link",
        "payment_method_configuration_details",
        "recovered_from",
        "saved_payment_method_options",
        "setup_intent",
        "shipping_address_collection",
        "shipping_cost",
        "submit_type",
    )
    return dict.fromkeys(nothing) | {
        "adaptive_pricing": None,
        "automatic_tax": dict(TAX_OFF),
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "mode": "subscription",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }


def checkout_lines(it: CheckoutSession) -> list[Json]:
    return [
        {
            "id": id,
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": each.unit_amount * quantity,
            "amount_tax": 0,
            "amount_total": each.unit_amount * quantity,
            "currency": each.currency,
            "description": each.product.name,
            "price": price(each),
            "quantity": quantity,
        }
        for id, (each, quantity) in zip(it.line_ids, it.prices, strict=True)
    ]


def portal_session(it: PortalSession) -> Json:
    return head(it, "billing_portal.session") | {
        "configuration": it.configuration,
        "customer": it.customer.id,
        "flow": None,
        "locale": it.locale,
        "on_behalf_of": None,
        "return_url": it.return_url,
        "url": it.url,
    }


SHAPES: dict[type[Record], Callable[[Any], Json]] = {
    Customer: customer,
    PaymentMethod: payment_method,
    Product: product,
    Price: price,
    SubscriptionItem: subscription_item,
    Subscription: subscription,
    Invoice: invoice,
    InvoicePayment: invoice_payment,
    PaymentIntent: payment_intent,
    Charge: charge,
    Refund: refund,
    Dispute: dispute,
    CheckoutSession: checkout_session,
    PortalSession: portal_session,
}


def shown(record: Record) -> Json:
    return SHAPES[type(record)](record)
