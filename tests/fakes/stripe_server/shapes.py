"""Records as Stripe shows them."""

from collections.abc import Callable, Iterable
from typing import Any

from fakes.stripe_server.records import (
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    Invoice,
    InvoicePayment,
    Json,
    Line,
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

TAX_OFF: Json = {"enabled": False, "liability": None, "status": None, "provider": None}
CARD: Json = {
    "brand": "visa",
    "country": "US",
    "exp_month": 12,
    "exp_year": 2099,
    "fingerprint": "Loopback",
    "funding": "credit",
}


def list_of(data: Iterable[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def _head(record: Record, object: str) -> Json:
    return {"id": record.id, "object": object, "created": record.created, "livemode": False}


def customer(it: Customer) -> Json:
    if it.deleted:
        return {"id": it.id, "object": "customer", "deleted": True}
    return _head(it, "customer") | {
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
    return _head(it, "payment_method") | {
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
    return _head(it, "product") | {
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
    return _head(it, "price") | {
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
    return _head(it, "plan") | {
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
        _head(it, "subscription")
        | {
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": it.anchor,
            "billing_mode": {"type": "flexible", "flexible": None},
            "cancel_at": it.period_end if it.cancel_at_period_end else None,
            "cancel_at_period_end": it.cancel_at_period_end,
            "canceled_at": it.canceled_at,
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


def line(it: Line) -> Json:
    return {
        "id": it.id,
        "object": "line_item",
        "amount": it.amount,
        "currency": it.price.currency,
        "description": it.description,
        "discount_amounts": [],
        "discountable": it.invoice_item is None,
        "discounts": [],
        "invoice": it.invoice,
        "livemode": False,
        "metadata": {},
        "parent": _parent_of_line(it),
        "period": {"start": it.period_start, "end": it.period_end},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": it.price.id, "product": it.price.product.id},
            "unit_amount_decimal": str(it.price.unit_amount),
        },
        "quantity": it.quantity,
        "subtotal": it.amount,
        "taxes": [],
    }


def _parent_of_line(it: Line) -> Json:
    details = {
        "invoice_item": it.invoice_item,
        "proration": it.invoice_item is not None,
        "proration_details": {"credited_items": None},
        "subscription": it.subscription,
        "subscription_item": it.item,
    }
    return {
        "type": "subscription_item_details",
        "subscription_item_details": details,
        "invoice_item_details": None,
    }


def invoice(it: Invoice) -> Json:
    lines = list_of(map(line, it.lines), f"/v1/invoices/{it.id}/lines")
    return _head(it, "invoice") | _about(it) | _sums(it) | {"lines": lines} | _unused_of_invoices()


def _about(it: Invoice) -> Json:
    return {
        "attempt_count": it.attempts,
        "attempted": it.attempted,
        "auto_advance": it.auto_advance,
        "automatically_finalizes_at": it.finalizes_at,
        "billing_reason": it.reason,
        "currency": it.currency,
        "customer": it.customer.id,
        "customer_email": it.customer.email,
        "customer_name": it.customer.name,
        "effective_at": it.finalized_at,
        "hosted_invoice_url": it.hosted_url,
        "invoice_pdf": f"{it.hosted_url}/pdf" if it.hosted_url else None,
        "next_payment_attempt": it.next_attempt_at or it.finalizes_at,
        "number": it.number,
        "parent": {
            "type": "subscription_details",
            "subscription_details": {
                "metadata": dict(it.subscription_metadata),
                "subscription": it.subscription.id,
            },
            "quote_details": None,
        },
        "period_end": it.period_end,
        "period_start": it.period_start,
        "status": it.status,
        "status_transitions": {
            "finalized_at": it.finalized_at,
            "marked_uncollectible_at": it.uncollectible_at,
            "paid_at": it.paid_at,
            "voided_at": it.voided_at,
        },
    }


def _sums(it: Invoice) -> Json:
    return {
        "amount_due": it.amount_due,
        "amount_overpaid": 0,
        "amount_paid": it.amount_paid,
        "amount_remaining": it.amount_due - it.amount_paid,
        "amount_shipping": 0,
        "ending_balance": it.ending_balance,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": it.starting_balance,
        "subtotal": it.total,
        "subtotal_excluding_tax": it.total,
        "total": it.total,
        "total_discount_amounts": [],
        "total_excluding_tax": it.total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _unused_of_invoices() -> Json:
    nothing = (
        "account_tax_ids",
        "application",
        "custom_fields",
        "customer_address",
        "customer_phone",
        "customer_shipping",
        "default_payment_method",
        "default_source",
        "description",
        "due_date",
        "footer",
        "from_invoice",
        "last_finalization_error",
        "latest_revision",
        "on_behalf_of",
        "receipt_number",
        "rendering",
        "shipping_cost",
        "shipping_details",
        "statement_descriptor",
        "test_clock",
        "webhooks_delivered_at",
    )
    return dict.fromkeys(nothing) | {
        "account_country": "US",
        "account_name": "Loopback",
        "automatic_tax": TAX_OFF | {"disabled_reason": None},
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
    }


def invoice_payment(it: InvoicePayment) -> Json:
    return _head(it, "invoice_payment") | {
        "amount_paid": it.intent.received or None,
        "amount_requested": it.intent.amount,
        "currency": it.intent.currency,
        "invoice": it.invoice.id,
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": it.intent.id},
        "status": it.status,
        "status_transitions": {"canceled_at": it.canceled_at, "paid_at": it.paid_at},
    }


def payment_intent(it: PaymentIntent) -> Json:
    nothing = (
        "application",
        "application_fee_amount",
        "automatic_payment_methods",
        "cancellation_reason",
        "description",
        "last_payment_error",
        "next_action",
        "on_behalf_of",
        "payment_method_configuration_details",
        "processing",
        "receipt_email",
        "review",
        "shipping",
        "source",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    )
    return (
        _head(it, "payment_intent")
        | dict.fromkeys(nothing)
        | {
            "amount": it.amount,
            "amount_capturable": 0,
            "amount_received": it.received,
            "canceled_at": it.canceled_at,
            "capture_method": "automatic",
            "client_secret": f"{it.id}_secret_loopback",
            "confirmation_method": "automatic",
            "currency": it.currency,
            "customer": it.customer,
            "latest_charge": it.latest_charge,
            "metadata": {},
            "payment_method": it.payment_method,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "setup_future_usage": "off_session",
            "status": it.status,
        }
    )


def charge(it: Charge) -> Json:
    nothing = (
        "application",
        "application_fee",
        "application_fee_amount",
        "balance_transaction",
        "calculated_statement_descriptor",
        "description",
        "failure_balance_transaction",
        "on_behalf_of",
        "payment_method_details",
        "receipt_email",
        "receipt_number",
        "receipt_url",
        "review",
        "shipping",
        "source_transfer",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    )
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    person = {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}
    return (
        _head(it, "charge")
        | dict.fromkeys(nothing)
        | {
            "amount": it.amount,
            "amount_captured": it.amount if it.succeeded else 0,
            "amount_refunded": it.refunded,
            "billing_details": person,
            "captured": it.succeeded,
            "currency": it.currency,
            "customer": it.customer,
            "disputed": it.disputed,
            "failure_code": None if it.succeeded else "card_declined",
            "failure_message": None if it.succeeded else "Your card was declined.",
            "fraud_details": {},
            "metadata": {},
            "outcome": _outcome(it),
            "paid": it.succeeded,
            "payment_intent": it.payment_intent,
            "payment_method": it.payment_method,
            "refunded": it.succeeded and it.refunded == it.amount,
            "status": "succeeded" if it.succeeded else "failed",
        }
    )


def _outcome(it: Charge) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if it.succeeded else "declined_by_network",
        "reason": None if it.succeeded else "generic_decline",
        "seller_message": "Payment complete." if it.succeeded else "The bank said no.",
        "type": "authorized" if it.succeeded else "issuer_declined",
    }


def refund(it: Refund) -> Json:
    return {
        "id": it.id,
        "object": "refund",
        "amount": it.amount,
        "balance_transaction": None,
        "charge": it.charge.id,
        "created": it.created,
        "currency": it.charge.currency,
        "metadata": dict(it.metadata),
        "payment_intent": it.charge.payment_intent,
        "reason": it.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def dispute(it: Dispute) -> Json:
    return _head(it, "dispute") | {
        "amount": it.amount,
        "balance_transactions": [],
        "charge": it.charge.id,
        "currency": it.charge.currency,
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {"due_by": None, "has_evidence": False, "past_due": False},
        "is_charge_refundable": False,
        "metadata": {},
        "payment_intent": it.charge.payment_intent,
        "reason": it.reason,
        "status": it.status,
    }


def checkout_session(it: CheckoutSession) -> Json:
    return (
        _head(it, "checkout.session") | _of_this_session(it) | _outcome_of_session(it)
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
    details = {"email": email, "name": it.customer.name if it.customer else None}
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
    return _head(it, "billing_portal.session") | {
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
