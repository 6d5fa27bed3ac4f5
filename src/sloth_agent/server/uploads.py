"""Files on their way in."""

from collections.abc import Iterable

from fastapi import Depends, Request

from sloth_agent.errors import (
    ConfigurationError,
    CostLimitExceeded,
    EmbedderUnavailable,
    FileDamaged,
    FileEmpty,
    FileEncrypted,
    InvalidInput,
    NoText,
    ParseMemory,
    ParseTimeout,
    SlothError,
    TooManyPages,
    UnpackedTooLarge,
    UnreadableFile,
    UnsupportedFile,
)

READING = (
    UnsupportedFile,
    FileEncrypted,
    FileDamaged,
    FileEmpty,
    NoText,
    UnpackedTooLarge,
    TooManyPages,
    ParseTimeout,
    ParseMemory,
    UnreadableFile,
)
"""Why a file, or a part of it, gives no text."""

LEARNING = (*READING, EmbedderUnavailable, CostLimitExceeded, ConfigurationError)
"""Why nothing is learned from a file."""


async def _one_file(request: Request) -> None:
    """Of several the framework would keep the last one, and say nothing.

    Raises:
        InvalidInput: there are several.
    """
    if len((await request.form()).getlist("file")) > 1:
        raise InvalidInput("There is more than one file.", hint="Send each alone.", field="file")


ONE_FILE = Depends(_one_file)


def codes_of(kinds: Iterable[type[SlothError]]) -> str:
    """For a description."""
    return ", ".join(f"`{kind.code}`" for kind in kinds)
