"""Text that a bot sends: markup to entities, white space, length."""

from collections.abc import Sequence

from fakes.telegram_server import entities, html, markdown, utf16
from fakes.telegram_server.records import Json
from fakes.telegram_server.refusals import Refused

PARSERS = {"html": html.parse, "markdownv2": markdown.parse, "markdown": markdown.parse_old}
MAX_TEXT, MAX_CAPTION = 4096, 1024
UNSEEN = " \t\r\n\v\f\u200b\u2060\ufeff"


def formatted(text: str, mode: str, given: Sequence[Json]) -> tuple[str, list[Json]]:
    """Plain text, without white space around it, and its entities.

    Raises:
        Refused: the markup is wrong, or is no markup that Telegram knows.
    """
    marked = list(given)
    if mode:
        if mode.lower() not in PARSERS:
            raise Refused("unsupported parse_mode")
        text, marked = PARSERS[mode.lower()](text)
    if not mode:
        _check(text, marked)
    text, marked = _stripped(text, marked)
    return text, entities.with_found(text, marked)


def message_text(text: str, mode: str, given: Sequence[Json]) -> Json:
    """The fields `text` and `entities` of a message."""
    plain, marked = formatted(text, mode, given)
    if not plain:
        raise Refused("message text is empty")
    if utf16.length(plain) > MAX_TEXT:
        raise Refused("message is too long")
    return {"text": plain} | ({"entities": marked} if marked else {})


def caption(text: str, mode: str, given: Sequence[Json]) -> Json:
    """The fields `caption` and `caption_entities`; nothing without a caption."""
    plain, marked = formatted(text, mode, given)
    if utf16.length(plain) > MAX_CAPTION:
        raise Refused("message caption is too long")
    return ({"caption": plain} if plain else {}) | ({"caption_entities": marked} if marked else {})


def _stripped(text: str, marked: list[Json]) -> tuple[str, list[Json]]:
    before = utf16.length(text) - utf16.length(text.lstrip(UNSEEN))
    text = text.strip(UNSEEN)
    end = utf16.length(text)
    moved = []
    for entity in marked:
        start = max(entity["offset"] - before, 0)
        stop = min(entity["offset"] + entity["length"] - before, end)
        if start < stop:
            moved.append(entity | {"offset": start, "length": stop - start})
    return text, moved


def _check(text: str, marked: list[Json]) -> None:
    size = utf16.length(text)
    for entity in marked:
        if not all(isinstance(entity.get(name), int) for name in ("offset", "length")):
            raise Refused("can't parse entities: expected MessageEntity")
        if not 0 <= entity["offset"] <= size:
            raise Refused("entity begins after the end of the text")
        if not 0 <= entity["length"] <= size - entity["offset"]:
            raise Refused("entity ends after the end of the text")
