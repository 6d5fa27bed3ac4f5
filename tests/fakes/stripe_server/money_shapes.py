"""Invoices and money as Stripe shows them."""

from fakes.stripe_server.records import (
    Charge,
    Dispute,
    Invoice,
    InvoicePayment,
    Json,
    Line,
    PaymentIntent,
    Refund,
)
from fakes.stripe_server.shape_parts import TAX_OFF, head, list_of


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
    return head(it, "invoice") | _about(it) | _sums(it) | {"lines": lines} | _unused_of_invoices()


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
    return head(it, "invoice_payment") | {
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
        head(it, "payment_intent")
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
        head(it, "charge")
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
    return head(it, "dispute") | {
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
