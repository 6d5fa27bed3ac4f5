"""What firms pay, and what is known of it."""

from sloth_agent.app.bodies.billing import subscription_body
from sloth_agent.app.bodies.values import Body
from sloth_agent.payments.explaining import Explanation
from sloth_agent.payments.models import Handled, Invoice
from sloth_agent.payments.price_sync import PriceStep
from sloth_agent.payments.reconciling import Reconciliation


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


def reconciliation_body(found: Reconciliation) -> Body:
    return {
        "firms": found.firms,
        "differences": [
            {
                "tenant": each.tenant,
                "about": each.about.value,
                "subject": each.subject,
                "what": each.what,
                "ours": each.ours,
                "theirs": each.theirs,
                "repaired": found.repaired and not each.about.needs_somebody,
            }
            for each in found.differences
        ],
        "events": {
            (outcome.value if outcome else "waiting"): found.events.get(outcome, 0)
            for outcome in (*Handled, None)
        },
        "failed": [{"tenant": slug, "problem": why} for slug, why in found.failed.items()],
    }


def explanation_body(found: Explanation) -> Body:
    subscription = found.subscription
    return {
        "tenant": found.organization.slug,
        "customer": found.customer,
        "subscription": subscription_body(subscription) if subscription else None,
        "entries": [
            {
                "at": entry.at.isoformat(),
                "kind": entry.kind.value,
                "what": entry.what,
                "subject": entry.subject,
                "details": dict(entry.details),
            }
            for entry in found.entries
        ],
    }
