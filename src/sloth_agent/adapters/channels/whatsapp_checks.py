"""What is wrong with a firm's WhatsApp, as far as Twilio tells."""

from collections.abc import Collection, Sequence

from sloth_agent.adapters.channels.twilio_client import Message
from sloth_agent.adapters.channels.twilio_failures import (
    LIMITS,
    NOT_IN_SANDBOX,
    OUTSIDE_WINDOW,
    SUSPENDED,
    TEMPLATE,
)
from sloth_agent.channels.messages import Finding

PLACE = (
    "In Twilio's console, under Messaging > Senders > WhatsApp senders (or Messaging > Try it out"
    " > Send a WhatsApp message > Sandbox settings), paste as 'When a message comes in' and as"
    " 'Status callback URL', both POST"
)


def webhook(url: str | None, sent: Sequence[Message]) -> Finding:
    """Twilio does not tell where it posts to; who else answers shows in what was sent."""
    if url is None:
        return Finding(
            name="webhook",
            is_well=False,
            message="This install has no public address, so no message can come in.",
            hint="Set PUBLIC_URL, and look again for what to paste into Twilio's console.",
        )
    if any(each.direction == "outbound-reply" for each in sent):
        return Finding(
            name="webhook",
            is_well=False,
            message="Customers got answers by another webhook lately: Twilio posts elsewhere.",
            hint=f"{PLACE}: {url}",
        )
    return Finding(
        name="webhook",
        is_well=True,
        message=f"Nobody else answers. Twilio has to post to {url}, and does not tell if it does.",
    )


def recent(sent: Sequence[Message], *, template: str | None) -> Sequence[Finding]:
    """What became of the last messages."""
    errors = [each.error for each in sent if each.error is not None]
    return [
        _sandbox(errors.count(NOT_IN_SANDBOX)),
        _template(errors, template),
        _quota(_number(errors, LIMITS), _number(errors, SUSPENDED)),
    ]


def _sandbox(lost: int) -> Finding:
    if not lost:
        return Finding(name="sandbox", is_well=True, message="Nobody was missing in a sandbox.")
    return Finding(
        name="sandbox",
        is_well=False,
        message=f"{lost} of the last messages went to people who have not joined the sandbox.",
        hint="They send it the `join` words of Sandbox settings, again every three days; or use"
        " a WhatsApp number of your own.",
    )


def _template(errors: Sequence[int], template: str | None) -> Finding:
    late, broken = errors.count(OUTSIDE_WINDOW), _number(errors, TEMPLATE)
    if broken:
        return Finding(
            name="template",
            is_well=False,
            message=f"{broken} of the last messages failed with their content template.",
            hint="Look at its approval, language and places in Twilio's Content Template Builder.",
        )
    if late and template is None:
        return Finding(
            name="template",
            is_well=False,
            message=f"{late} of the last messages came later than WhatsApp's 24 hours.",
            hint="Make a template with one place, {{1}}, and set its content SID.",
        )
    said = f"It is {template}." if template else "None is set, and none was missing."
    return Finding(name="template", is_well=True, message=said)


def _quota(limited: int, locked: int) -> Finding:
    if not limited + locked:
        return Finding(name="quota", is_well=True, message="Twilio limited nothing lately.")
    return Finding(
        name="quota",
        is_well=False,
        message=f"{limited + locked} of the last messages met a limit, or a locked account.",
        hint="Look at limits and balance in Twilio's console; trial accounts send 50 a day.",
    )


def _number(errors: Sequence[int], codes: Collection[int]) -> int:
    return sum(each in codes for each in errors)
