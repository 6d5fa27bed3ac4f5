"""What is wrong with a firm's bot, as far as Telegram tells."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sloth_agent.adapters.channels.telegram_sdk import telegram
from sloth_agent.channels.messages import Finding
from sloth_agent.clock import Clock, system_clock


def findings(
    me: telegram.User, hook: telegram.WebhookInfo, url: str | None, *, clock: Clock = system_clock
) -> Sequence[Finding]:
    """`url` is where the bot should be heard, None: nowhere."""
    return [
        Finding(name="token", is_well=True, message=f"Telegram knows the bot @{me.username}."),
        _webhook(hook, url),
        _delivery(hook, now=clock()),
        _waiting(hook),
        _groups(me),
    ]


def _webhook(hook: telegram.WebhookInfo, url: str | None) -> Finding:
    name = "webhook"
    if url is None:
        if not hook.url:
            return Finding(name=name, is_well=True, message="None: the bot is asked by polling.")
        return Finding(
            name=name,
            is_well=False,
            message=f"Telegram tells {hook.url}, and this install has no public address.",
            hint="Set PUBLIC_URL and connect it again, or run `sloth channels run telegram`.",
        )
    if hook.url == url:
        return Finding(name=name, is_well=True, message=f"Telegram tells {url}.")
    return Finding(
        name=name,
        is_well=False,
        message=f"Telegram tells {hook.url or 'nobody'}, and not {url}.",
        hint="Connect it again: `sloth channels connect telegram --token ...`.",
    )


_CAUSES = (
    ("ssl", "Its certificate is not in order: renew it, and serve the whole chain."),
    ("certificate", "Its certificate is not in order: renew it, and serve the whole chain."),
    ("401", "The secret is another one: connect it again."),
    ("403", "The secret is another one: connect it again."),
    ("404", "It is not this install that answers at PUBLIC_URL, or the proxy leaves out the path."),
    ("resolve", "The name in PUBLIC_URL is not known to DNS."),
    ("timed out", "Nothing answers at PUBLIC_URL: look at the firewall and at `sloth serve`."),
    ("refused", "Nothing answers at PUBLIC_URL: look at the firewall and at `sloth serve`."),
)


RECENT = timedelta(hours=1)


def _delivery(hook: telegram.WebhookInfo, *, now: datetime) -> Finding:
    """Telegram tells its last failure for ever: an old one matters only while something waits."""
    failure, failed_at = hook.last_error_message, hook.last_error_date
    if not failure:
        return Finding(name="delivery", is_well=True, message="Telegram reports no failure.")
    when = f" on {failed_at:%Y-%m-%d at %H:%M} UTC" if failed_at else ""
    is_over = failed_at is not None and now - failed_at > RECENT and not hook.pending_update_count
    if is_over:
        message = f"Nothing waits; Telegram last could not deliver{when}: {failure}."
        return Finding(name="delivery", is_well=True, message=message)
    hint = next((hint for words, hint in _CAUSES if words in failure.lower()), None)
    return Finding(
        name="delivery",
        is_well=False,
        message=f"Telegram could not deliver{when}: {failure}.",
        hint=hint or "Look at the log of `sloth serve`.",
    )


_MANY_WAITING = 100


def _waiting(hook: telegram.WebhookInfo) -> Finding:
    waiting = hook.pending_update_count
    return Finding(
        name="pending",
        is_well=waiting < _MANY_WAITING,
        message=f"{waiting} updates wait at Telegram.",
        hint=None if waiting < _MANY_WAITING else "Start `sloth serve`, or `sloth channels run`.",
    )


def _groups(me: telegram.User) -> Finding:
    hears_all = me.can_read_all_group_messages
    return Finding(
        name="groups",
        is_well=True,
        message=(
            "In groups the bot reads everything, and answers when it is named."
            if hears_all
            else "In groups the bot hears commands, and answers to its own messages."
        ),
    )
