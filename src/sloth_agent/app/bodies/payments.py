"""Invoices as JSON: what the API answers and the command line prints."""

from sloth_agent.app.bodies.values import Body
from sloth_agent.payments.models import Invoice
from sloth_agent.payments.price_sync import PriceStep


def invoice_body(invoice: Invoice) -> Body:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "status": invoice.status.value,
        "total": str(invoice.total),
        "paid": str(invoice.paid),
        "currency": invoice.currency,
        "created_at": invoice.created_at.isoformat(),
        "url": invoice.url,
        "pdf": invoice.pdf,
    }


def price_step_body(step: PriceStep) -> Body:
    return {
        "plan": step.plan,
        "billing_cycle": step.cycle.value,
        "step": step.step.value,
        "amount": str(step.amount),
        "currency": step.currency,
    }
