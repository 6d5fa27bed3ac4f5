"""Requests to Telegram, and what it has against them in our words."""

import warnings
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import httpx

from sloth_agent.adapters.channels.telegram_sdk import PTBDeprecationWarning, told
from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    Conflict,
    InvalidInput,
    RateLimited,
    RecipientGone,
)

T = TypeVar("T")

SECONDS = 15.0
TRIES = 3

_NOBODY = ("chat not found", "user not found", "peer_id_invalid", "group chat was deactivated")


async def tried(call: Callable[[], Awaitable[T]]) -> T:
    """For what may be done twice."""
    for _ in range(TRIES - 1):
        try:
            return await once(call)
        except ChannelUnavailable:
            continue
    return await once(call)


async def once(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except told.ChatMigrated:
        raise
    except told.RetryAfter as error:
        raise RateLimited(
            "Telegram asks us to wait.", retry_after_seconds=_seconds(error)
        ) from error
    except told.InvalidToken as error:
        raise refused() from error
    except told.Forbidden as error:
        raise RecipientGone("The person has blocked the bot, or left.") from error
    except told.Conflict as error:
        raise Conflict(
            "Somebody else listens to this bot.",
            hint="Stop the other `sloth channels run`, or remove the webhook: connect it anew.",
        ) from error
    except told.BadRequest as error:
        if any(words in error.message.lower() for words in _NOBODY):
            raise RecipientGone("Telegram does not know this chat any more.") from error
        raise InvalidInput(f"Telegram refused it: {error.message}") from error
    except (told.TelegramError, httpx.HTTPError) as error:
        raise ChannelUnavailable("Telegram did not answer.", backend="telegram") from error


def _seconds(error: told.RetryAfter) -> float:
    """The library gives a number, and warns that it will give a span of time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PTBDeprecationWarning)
        wanted = error.retry_after
    return wanted.total_seconds() if isinstance(wanted, timedelta) else float(wanted)


def wait_of(error: RateLimited) -> float:
    seconds = error.details["retry_after_seconds"]
    assert isinstance(seconds, float)
    return seconds


def refused() -> ChannelRefused:
    return ChannelRefused(
        "Telegram does not know this token.", hint="Copy it from @BotFather, and connect it again."
    )


def is_unchanged(error: InvalidInput) -> bool:
    """Whether it was refused because it is so already."""
    return "message is not modified" in error.message.lower()


def is_topic_gone(error: InvalidInput) -> bool:
    return "message thread not found" in error.message.lower()
