"""All methods: whoever calls them imports this."""

from fakes.telegram_server.operations import (
    for_bots,
    for_chats,
    for_media,
    for_messages,
    for_updates,
)
from fakes.telegram_server.operations.table import TABLE, Call, perform

__all__ = [
    "TABLE",
    "Call",
    "for_bots",
    "for_chats",
    "for_media",
    "for_messages",
    "for_updates",
    "perform",
]
