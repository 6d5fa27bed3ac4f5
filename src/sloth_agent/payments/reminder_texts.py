"""What owners are told about their payments, in their languages: see reminders.toml."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sloth_agent.billing.models import Subscription
from sloth_agent.payments.models import Contact, Reminder


def mail(
    reminder: Reminder, contact: Contact, subscription: Subscription, *, plan: str, url: str
) -> tuple[str, str]:
    """The subject and the text; `plan` is the plan's name. Days are those of UTC."""
    terms, cycle = subscription.terms, subscription.billing_cycle
    texts = _texts()
    words = texts[reminder.occasion][contact.language]
    values = {
        "firm": contact.name,
        "plan": plan,
        "date": reminder.at.date().isoformat(),
        "price": f"{terms.price_in(cycle)} {terms.currency}",
        "cycle": texts["cycle"][cycle][contact.language],
        "url": url,
    }
    return words["subject"].format(**values), words["text"].format(**values)


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("reminders.toml").read_text("utf-8"))
