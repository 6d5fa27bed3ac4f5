"""The library for Telegram that its users know, or the way to it."""

from sloth_agent.errors import MissingExtra

try:
    import telegram
    from telegram import error as told
    from telegram.request import HTTPXRequest
    from telegram.warnings import PTBDeprecationWarning
except ModuleNotFoundError as error:
    raise MissingExtra.named("telegram", needed_for="Telegram") from error

__all__ = ["HTTPXRequest", "PTBDeprecationWarning", "telegram", "told"]
