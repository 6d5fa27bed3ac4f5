"""How a bot gets its updates."""

import re

from fakes.telegram_server.operations.table import Call, on
from fakes.telegram_server.records import Json, Webhook
from fakes.telegram_server.refusals import Refused


@on("getUpdates")
def get_updates(call: Call) -> list[Json]:
    values = call.values
    _choose_kinds(call)
    updates = call.book.mail.poll(
        call.bot,
        offset=values.integer("offset"),
        limit=min(max(values.integer("limit", 100), 1), 100),
        timeout=min(max(values.integer("timeout"), 0), 50),
        clock=call.book.clock,
    )
    return [update.shown for update in updates]


@on("setWebhook")
def set_webhook(call: Call) -> bool:
    """An empty address takes it away, as `deleteWebhook` does."""
    values, url = call.values, call.values.text("url")
    if not url:
        return delete_webhook(call)
    secret = values.text("secret_token")
    _check(url, secret, requires_https=call.requires_https)
    _choose_kinds(call)
    call.book.mail.interrupt(call.bot, "terminated by setWebhook request")
    call.postman.forget(call.bot)
    call.bot.webhook = Webhook(
        url=url,
        secret_token=secret,
        max_connections=min(max(values.integer("max_connections", 40), 1), 100),
        ip_address=values.text("ip_address") or None,
        has_custom_certificate="certificate" in values.files,
    )
    if values.flag("drop_pending_updates"):
        call.book.mail.drop(call.bot)
    for update in call.book.mail.box(call.bot).waiting:
        call.postman.post(call.bot, update)
    return True


@on("deleteWebhook")
def delete_webhook(call: Call) -> bool:
    call.postman.forget(call.bot)
    call.bot.webhook = Webhook()
    if call.values.flag("drop_pending_updates"):
        call.book.mail.drop(call.bot)
    return True


@on("getWebhookInfo")
def get_webhook_info(call: Call) -> Json:
    webhook = call.bot.webhook
    info: Json = {
        "url": webhook.url,
        "has_custom_certificate": webhook.has_custom_certificate,
        "pending_update_count": len(call.book.mail.box(call.bot).waiting),
    }
    if webhook.url:
        info["max_connections"] = webhook.max_connections
        info["ip_address"] = webhook.ip_address or "127.0.0.1"
    if webhook.last_error_date is not None:
        info["last_error_date"] = webhook.last_error_date
        info["last_error_message"] = webhook.last_error_message
    if call.bot.allowed_updates:
        info["allowed_updates"] = list(call.bot.allowed_updates)
    return info


def _choose_kinds(call: Call) -> None:
    """Left out: as before. None: the usual ones."""
    if "allowed_updates" in call.values:
        call.bot.allowed_updates = [str(each) for each in call.values.array("allowed_updates")]


def _check(url: str, secret: str, *, requires_https: bool) -> None:
    if not re.match(r"https?://[^/\s]+", url):
        raise Refused("bad webhook: invalid URL specified")
    if requires_https and not url.startswith("https://"):
        raise Refused("bad webhook: An HTTPS URL must be provided for webhook")
    if len(secret) > 256:
        raise Refused("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise Refused("secret token contains unallowed characters")
